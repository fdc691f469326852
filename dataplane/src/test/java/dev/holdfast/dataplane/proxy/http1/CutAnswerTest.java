package dev.holdfast.dataplane.proxy.http1;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An answer whose connection ends in the middle, while its reader pauses. */
class CutAnswerTest {
    private final List<String> told = new ArrayList<>();
    private final ResponseDecoderHandler decoder = new ResponseDecoderHandler(
            new ResponseDecoderHandler.Sink() {
                @Override
                public void response(HttpResponse head, Framing framing) {
                    told.add("head");
                }

                @Override
                public void content(ByteBuf part) {
                    told.add(part.toString(StandardCharsets.US_ASCII));
                    part.release();
                }

                @Override
                public void end(HttpHeaders trailers) {
                    told.add("end");
                }

                @Override
                public void refused(Refusal refusal) {
                    told.add("refused");
                }

                @Override
                public void closed() {
                    told.add("closed");
                }
            },
            4_096);
    private final EmbeddedChannel channel = new EmbeddedChannel(decoder);

    private void write(String text) {
        channel.writeInbound(Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII));
    }

    @Test
    void anIncompletePieceThatIsHeldDoesNotHideTheEnd() {
        // Given
        decoder.expect(false);
        write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        decoder.setPaused(true);
        write("3\r\ntwo\r\n1");
        channel.finish();
        assertThat(told).containsExactly("head", "one");
        // When
        decoder.setPaused(false);
        // Then
        assertThat(told).containsExactly("head", "one", "two", "closed");
    }

    @Test
    void aWholeAnswerThatIsHeldIsTakenBeforeTheEnd() {
        // Given
        decoder.expect(false);
        write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        decoder.setPaused(true);
        write("3\r\ntwo\r\n0\r\n\r\n");
        channel.finish();
        // When
        decoder.setPaused(false);
        // Then
        assertThat(told).containsExactly("head", "one", "two", "end", "closed");
    }
}

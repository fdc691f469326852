package dev.holdfast.dataplane.proxy.http1;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MessageWriterTest {
    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final MessageWriter writer = new MessageWriter(channel);

    @AfterEach
    void stop() {
        writer.discard();
        channel.finishAndReleaseAll();
    }

    private static DefaultHttpResponse answer(String name, String value) {
        HttpHeaders fields = DefaultHttpHeadersFactory.headersFactory()
                .withValidation(false)
                .newHeaders()
                .add(name, value);
        return new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, fields);
    }

    private static ByteBuf bytes(String text) {
        return Unpooled.copiedBuffer(text, StandardCharsets.ISO_8859_1);
    }

    private List<String> written() {
        List<String> written = new ArrayList<>();
        for (ByteBuf one = channel.readOutbound(); one != null; one = channel.readOutbound()) {
            written.add(one.toString(StandardCharsets.ISO_8859_1));
            one.release();
        }
        return written;
    }

    @Test
    void aHeadAndASmallBodyLeaveInOneBuffer() {
        // Given
        writer.answer(answer("content-length", "5"), false);

        // When
        writer.content(bytes("hello"));
        writer.end(EmptyHttpHeaders.INSTANCE);
        writer.flush();

        // Then
        assertThat(written()).containsExactly("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    }

    @Test
    void everyChunkIsWholeWhenItIsFlushed() {
        // Given
        writer.answer(answer("transfer-encoding", "chunked"), true);
        writer.content(bytes("a".repeat(10)));

        // When
        writer.flush();

        // Then
        assertThat(String.join("", written())).endsWith("\r\n\r\na\r\naaaaaaaaaa\r\n");
    }

    @Test
    void aLargePartGoesOnAsItIsAndAnEmptyOneEndsNothing() {
        // Given
        ByteBuf large = bytes("b".repeat(10_000));
        writer.answer(answer("transfer-encoding", "chunked"), true);

        // When
        writer.content(Unpooled.buffer(1));
        writer.content(large);
        writer.end(DefaultHttpHeadersFactory.headersFactory()
                .withValidation(false)
                .newHeaders()
                .add("x-sum", "1"));
        writer.flush();

        // Then
        assertThat(String.join("", written()))
                .isEqualTo("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2710\r\n" + "b".repeat(10_000)
                        + "\r\n0\r\nx-sum: 1\r\n\r\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\r\nb: c", "a\nb", "a\0", "a\u010a", "\u007f"})
    void nothingIsWrittenThatCouldEndItsLine(String value) {
        // Given
        DefaultHttpRequest request = new DefaultHttpRequest(
                HttpVersion.HTTP_1_1,
                HttpMethod.GET,
                "/",
                DefaultHttpHeadersFactory.headersFactory()
                        .withValidation(false)
                        .newHeaders()
                        .add("x", value));

        // When
        assertThatThrownBy(() -> writer.request(request, false)).isInstanceOf(IllegalArgumentException.class);

        // Then
        writer.flush();
        assertThat(written()).isEmpty();
    }
}

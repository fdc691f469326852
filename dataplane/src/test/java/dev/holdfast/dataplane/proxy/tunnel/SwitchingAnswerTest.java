package dev.holdfast.dataplane.proxy.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Extensions that a backend takes, against those that were offered; either may be many. */
class SwitchingAnswerTest {
    private static HttpResponse answer(String extensions) {
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS);
        response.headers()
                .add("Connection", "Upgrade")
                .add("Upgrade", "websocket")
                .add("Sec-WebSocket-Accept", SwitchingAnswer.acceptFor(TestFront.KEY))
                .add("Sec-WebSocket-Extensions", extensions);
        return response;
    }

    private static String many(String prefix, int count) {
        return IntStream.range(0, count).mapToObj(i -> prefix + i).collect(Collectors.joining(", "));
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 100", "100, 1", "100, 100", "2000, 2000"})
    void whatWasOfferedMayBeTaken(int offered, int taken) {
        // Given
        UpgradeRequest.Offer offer = new UpgradeRequest.Offer(
                TestFront.KEY, List.of(), List.of(many("X-Ext", offered).split(", ")));
        HttpResponse same = answer(many("x-eXt", Math.min(offered, taken)) + "; a=\"b, c\", x-ext0".repeat(taken));
        HttpResponse more = answer(many("x-ext", offered + 1));

        // When
        String fault = SwitchingAnswer.fault(same, offer);

        // Then
        assertThat(fault).isNull();
        assertThat(SwitchingAnswer.fault(more, offer)).isEqualTo("bad_101_extension");
    }
}

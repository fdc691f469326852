package dev.holdfast.dataplane.accesslog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What clients choose cannot break a record out of its line. */
class RecordWriterTest {
    private final RecordWriter writer = new RecordWriter(new AccessLogConfig(AccessLogConfig.Records.ALL, 1, Map.of()));

    @Test
    void aPathCannotForgeARecord() {
        // Given
        String path = "/\"},\n{\"record\":\"open\"\\\u0000\u0085\u2028\ud800é";
        // When
        String line = line(path);
        // Then
        assertThat(line)
                .contains("\"path\":\"/\\\"},\\u000a{\\\"record\\\":\\\"open\\\"\\\\\\u0000\\u0085\\u2028\\ud800é\"")
                .endsWith("}\n");
        assertThat(line.indexOf('\n')).isEqualTo(line.length() - 1);
    }

    @Test
    void everyLineFitsThePieceThatAPipeTakesWhole() {
        // Given
        String hostile = "/" + "\u0001".repeat(8_000);
        String merelyLong = "/" + "a".repeat(8_000);
        // When
        byte[] first = line(hostile).getBytes(StandardCharsets.UTF_8);
        byte[] second = line(merelyLong).getBytes(StandardCharsets.UTF_8);
        // Then
        assertThat(first.length).isLessThanOrEqualTo(RecordWriter.LINE_BYTES_MAX);
        assertThat(second.length).isBetween(1_024, RecordWriter.LINE_BYTES_MAX);
    }

    @Test
    void anUnknownFieldIsRefusedWithTheKnownOnes() {
        assertThatThrownBy(() -> Field.named("pth"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("accessLog.field: \"pth\" (expected: one of time, record, tunnel_id");
    }

    private String line(String path) {
        RequestListener nobody = RequestListener.all(List.of());
        RequestTrail trail = new RequestTrail(
                nobody,
                new RequestTrail.Head(
                        "GET",
                        "1.1",
                        "http",
                        "a.test",
                        path,
                        null,
                        new RequestTrail.Client(null, null, null, null, "id"),
                        0));
        return new String(writer.line(new Entry.Answered(0, trail, 404, 1_234_567)), StandardCharsets.UTF_8);
    }
}

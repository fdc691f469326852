package dev.holdfast.dataplane.accesslog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A log whose output fails goes on with the next record. */
class FailingOutputTest {
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final AtomicInteger calls = new AtomicInteger();
    private final OutputStream failingOnce = new OutputStream() {
        @Override
        public void write(int octet) {}

        @Override
        public void write(byte[] bytes, int offset, int length) {
            if (calls.incrementAndGet() == 1) {
                throw new OutOfMemoryError("on purpose");
            }
        }
    };

    @Test
    void anErrorCostsTheRecordsOfOneWriteAndNotTheLog() {
        // Given
        AccessLogConfig config = new AccessLogConfig(AccessLogConfig.Records.ALL, 1, Map.of());
        try (AccessLog log = AccessLog.start(config, failingOnce, meters)) {
            answer(log);
            await().until(() -> records("dropped") == 1);
            // When
            answer(log);
            // Then
            await().untilAsserted(() -> assertThat(records("written")).isEqualTo(1));
        }
    }

    private static void answer(AccessLog log) {
        RequestTrail.Client client = new RequestTrail.Client(null, null, null, null, "id");
        RequestTrail trail = new RequestTrail(
                RequestListener.all(List.of()),
                new RequestTrail.Head("GET", "1.1", "http", "a.test", "/", null, client, 0));
        log.answered(trail, 200, 1);
    }

    private double records(String outcome) {
        return meters.get("holdfast.access.log.records")
                .tag("outcome", outcome)
                .functionCounter()
                .count();
    }
}

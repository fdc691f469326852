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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A log whose output fails, or a record that cannot be made, goes on with the next record. */
class FailingOutputTest {
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final AtomicInteger calls = new AtomicInteger();
    private Error failure = new OutOfMemoryError("on purpose");
    private final OutputStream failingOnce = new OutputStream() {
        @Override
        public void write(int octet) {}

        @Override
        public void write(byte[] bytes, int offset, int length) {
            if (calls.incrementAndGet() == 1) {
                throw failure;
            }
        }
    };

    /** Which cannot be logged either. */
    static final class Unspeakable extends OutOfMemoryError {
        @Override
        public String getMessage() {
            throw this;
        }
    }

    @ParameterizedTest
    @ValueSource(classes = {OutOfMemoryError.class, NoClassDefFoundError.class, Unspeakable.class})
    void anErrorCostsTheRecordsOfOneWriteAndNotTheLog(Class<? extends Error> kind) throws Exception {
        // Given
        failure = kind.getDeclaredConstructor().newInstance();
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

    @ParameterizedTest
    @ValueSource(classes = {OutOfMemoryError.class, NoClassDefFoundError.class, Unspeakable.class})
    void aRecordThatCannotBeMadeCostsItselfAndNotTheLog(Class<? extends Error> kind) throws Exception {
        // Given
        failure = kind.getDeclaredConstructor().newInstance();
        calls.set(1);
        AccessLogConfig config = new AccessLogConfig(AccessLogConfig.Records.ALL, 1, Map.of());
        try (AccessLog log = AccessLog.start(config, failingOnce, meters)) {
            answer(log, () -> {
                throw failure;
            });
            await().until(() -> records("dropped") == 1);
            // When
            answer(log);
            // Then
            await().untilAsserted(() -> assertThat(records("written")).isEqualTo(1));
        }
    }

    private static void answer(AccessLog log) {
        answer(log, () -> "00");
    }

    private static void answer(AccessLog log, RequestTrail.Trace trace) {
        RequestTrail.Client client = new RequestTrail.Client(null, null, null, null, "id");
        RequestTrail trail = new RequestTrail(
                RequestListener.all(List.of()),
                new RequestTrail.Head("GET", "1.1", "http", "a.test", "/", null, client, 0));
        trail.trace(trace);
        log.answered(trail, 200, 1);
    }

    private double records(String outcome) {
        return meters.get("holdfast.access.log.records")
                .tag("outcome", outcome)
                .functionCounter()
                .count();
    }
}

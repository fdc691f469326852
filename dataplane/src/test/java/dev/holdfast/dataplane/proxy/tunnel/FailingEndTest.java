package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.config.MeterFilter;
import java.net.SocketException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** That a tunnel has ended can perhaps not be counted or told, for want of memory: it ends all the same. */
@ParameterizedClass
@EnumSource(Relaying.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class FailingEndTest {
    private final TestFront front;
    private final ScriptedBackend backend = new ScriptedBackend();

    FailingEndTest(Relaying relaying) {
        this.front = new TestFront(relaying);
    }

    private record Ends(Wire client, Wire server) {}

    private enum Failure {
        OF_METRICS {
            @Override
            void arrange(TestFront front) {
                front.meters.config().meterFilter(new MeterFilter() {
                    @Override
                    public Meter.Id map(Meter.Id id) {
                        if (id.getName().equals("holdfast.tunnels.closed")) {
                            throw new OutOfMemoryError("on purpose");
                        }
                        return id;
                    }
                });
            }
        },
        OF_LISTENER {
            @Override
            void arrange(TestFront front) {
                front.firstListener = end -> {
                    throw new OutOfMemoryError("on purpose");
                };
            }
        };

        abstract void arrange(TestFront front);
    }

    @BeforeEach
    void routeToBackend() {
        front.route(backend.port());
    }

    @AfterEach
    void stop() {
        front.close();
        backend.close();
    }

    private Ends open() {
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        return new Ends(client, server);
    }

    private void assertOver() {
        await().untilAsserted(() -> assertThat(front.registry.open()).isZero());
        assertThat(front.closed).hasSize(1);
        assertThat(front.meters
                        .get("holdfast.tunnels.active")
                        .tag("route", "chat")
                        .gauge()
                        .value())
                .isZero();
    }

    @ParameterizedTest
    @EnumSource(Failure.class)
    void aTunnelThatIsCutLeavesNoSocketBehind(Failure failure) {
        // Given
        Ends ends = open();
        failure.arrange(front);
        // When
        front.cut();
        // Then
        assertThat(ends.client().readToEnd()).isEmpty();
        assertThat(ends.server().readToEnd()).isEmpty();
        assertOver();
        ends.client().close();
        ends.server().close();
    }

    @ParameterizedTest
    @EnumSource(Failure.class)
    void aTunnelWhoseBackendBrokeLeavesNoSocketBehind(Failure failure) {
        // Given
        Ends ends = open();
        failure.arrange(front);
        // When
        ends.server().reset();
        // Then
        assertThatThrownBy(() -> ends.client().readToEnd()).hasRootCauseInstanceOf(SocketException.class);
        assertOver();
        ends.client().close();
    }

    @ParameterizedTest
    @EnumSource(Failure.class)
    void aTunnelThatEndsInOrderIsCountedAsEnded(Failure failure) {
        // Given
        Ends ends = open();
        failure.arrange(front);
        // When
        ends.client().close();
        ends.server().close();
        // Then
        assertOver();
    }
}

package dev.holdfast.e2e.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.dataplane.admin.AdminServer;
import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.overload.DataPlaneProcess;
import dev.holdfast.e2e.overload.ServedTable;
import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.operator.publish.ServerLimits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Servers of whole processes: what they keep to depends on which of them the JDK creates first. */
@Timeout(120)
class ConnectionLimitTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    @Test
    void whoOpensConnectionsToTheStreamWithoutEndIsRefusedBeyondTheLimit(@TempDir Path work) throws Exception {
        try (MockCluster cluster = new MockCluster();
                JavaProcess operator = JavaProcess.start(
                        "dev.holdfast.cli.HoldfastMain", List.of(), cluster.operatorArguments(work, 0))) {
            String port = operator.await("table stream listens address=\\S+ port=([0-9]+)", SOON)
                    .group(1);
            assertRefusedBeyond(ServerLimits.CONNECTIONS_MAX, Integer.parseInt(port));
        }
    }

    @Test
    void whoOpensConnectionsToADataPlanesAdminPortWithoutEndIsRefusedBeyondTheLimit(@TempDir Path state)
            throws Exception {
        try (DataPlaneProcess dataPlane =
                DataPlaneProcess.serve(new ServedTable().host("a.test", 1).store(state))) {
            assertRefusedBeyond(AdminServer.CONNECTIONS_MAX, dataPlane.adminPort());
        }
    }

    private static void assertRefusedBeyond(int most, int port) throws IOException {
        // Given
        List<Socket> held = new ArrayList<>();
        try {
            for (int i = 0; i < most; i++) {
                held.add(open(port));
            }

            // When
            Socket further = open(port);
            held.add(further);

            // Then
            assertThat(isEnded(further)).as("the one beyond the limit is ended").isTrue();
            Socket within = held.get(most / 2);
            within.setSoTimeout(100);
            assertThatThrownBy(() -> within.getInputStream().read())
                    .as("one within it waits")
                    .isInstanceOf(SocketTimeoutException.class);
        } finally {
            for (Socket socket : held) {
                socket.close();
            }
        }
    }

    private static Socket open(int port) throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), port);
    }

    private static boolean isEnded(Socket socket) throws IOException {
        socket.setSoTimeout(10_000);
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true; // reset
        }
    }
}

package dev.holdfast.operator.watch;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** API servers that are slow. */
@Timeout(60)
class ApiHttpTest {
    private static final int TIMEOUT_MILLIS = 2_000;
    private static final String ITEM = """
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"%s","namespace":"default"}}""";

    private final ServerSocket server;
    private final KubernetesClient client;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger opened = new AtomicInteger();
    private volatile boolean answers = true;

    ApiHttpTest() throws IOException {
        server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(this::accept);
        client = TolerantClients.open(new ConfigBuilder(Config.empty())
                .withMasterUrl("http://localhost:" + server.getLocalPort())
                .withHttp2Disable(true)
                .withRequestTimeout(TIMEOUT_MILLIS)
                .withRequestRetryBackoffLimit(0)
                .withWatchReconnectLimit(0)
                .build());
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        server.close();
    }

    @Test
    void aListMayTakeLongerThanAnAnswerMayTakeToBegin() {
        // Given a server whose list takes twice the time that an answer has to begin, and never stands still so long

        // When
        List<Service> services = client.services().inAnyNamespace().list().getItems();

        // Then
        assertThat(services)
                .extracting(service -> service.getMetadata().getName())
                .containsExactly("a", "b", "c", "d", "e");
    }

    @Test
    void anAnswerThatDoesNotBeginIsGivenUp() {
        // Given
        answers = false;

        // When
        assertThatThrownBy(() -> client.services().inAnyNamespace().list())
                // Then
                .isInstanceOf(KubernetesClientException.class);
        await().atMost(Duration.ofSeconds(20)).until(() -> opened.get() > 0 && open.get() == 0);
    }

    @Test
    void anUpgradeThatIsNotAnsweredLeavesNoConnection() {
        // Given
        answers = false;

        // When
        client.services().inAnyNamespace().watch(new Unheard());

        // Then
        await().atMost(Duration.ofSeconds(20)).until(() -> opened.get() > 0 && open.get() == 0);
    }

    private static final class Unheard implements Watcher<Service> {
        @Override
        public void eventReceived(Action action, Service service) {
            throw new AssertionError("nothing is told");
        }

        @Override
        public void onClose(WatcherException cause) {
            // It never began.
        }
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket connection = server.accept();
                Thread.ofVirtual().start(() -> serve(connection));
            } catch (IOException e) {
                // The test is over.
            }
        }
    }

    private void serve(Socket connection) {
        boolean counts = false;
        try (connection) {
            BufferedReader in = new BufferedReader(new InputStreamReader(connection.getInputStream(), US_ASCII));
            StringBuilder head = new StringBuilder();
            for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                head.append(line.toLowerCase(Locale.ROOT)).append('\n');
            }
            // fabric8 watches by plain HTTP where WebSockets fail; that may be silent.
            counts = !head.toString().contains("watch=true") || head.toString().contains("upgrade: websocket");
            if (counts) {
                open.incrementAndGet();
                opened.incrementAndGet();
            }
            if (answers) {
                listSlowly(connection.getOutputStream());
            }
            while (in.read() >= 0) {
                // Until the client goes.
            }
        } catch (IOException | InterruptedException e) {
            // The client went.
        } finally {
            if (counts) {
                open.decrementAndGet();
            }
        }
    }

    private static void listSlowly(OutputStream out) throws IOException, InterruptedException {
        out.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n".getBytes(US_ASCII));
        out.write("{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":["
                .getBytes(US_ASCII));
        String comma = "";
        for (String name : List.of("a", "b", "c", "d", "e")) {
            out.write((comma + ITEM.formatted(name)).getBytes(US_ASCII));
            out.flush();
            comma = ",";
            Thread.sleep(TIMEOUT_MILLIS * 2 / 5);
        }
        out.write("]}".getBytes(US_ASCII));
        out.close();
    }
}

package dev.holdfast.operator.watch;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** API servers that are slow. */
@Timeout(60)
class ApiHttpTest {
    private static final int TIMEOUT_MILLIS = 2_000;
    private static final String ITEM = """
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"%s","namespace":"default"}}""";

    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger opened = new AtomicInteger();
    private final ScriptedApi api;
    private final KubernetesClient client;
    private volatile boolean answers = true;

    ApiHttpTest() throws IOException {
        api = new ScriptedApi(
                config -> config.withRequestTimeout(TIMEOUT_MILLIS).withRequestRetryBackoffLimit(0), this::play);
        client = api.client();
    }

    @AfterEach
    void stop() throws IOException {
        api.close();
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

    private void play(Socket connection, String head) throws IOException {
        String asked = head.toLowerCase(Locale.ROOT);
        // fabric8 watches by plain HTTP where WebSockets fail; that may be silent.
        boolean counts = !asked.contains("watch=true") || asked.contains("upgrade: websocket");
        if (counts) {
            open.incrementAndGet();
            opened.incrementAndGet();
        }
        try {
            if (answers) {
                listSlowly(connection.getOutputStream());
            }
            // Until the client goes.
            connection.getInputStream().transferTo(OutputStream.nullOutputStream());
        } finally {
            if (counts) {
                open.decrementAndGet();
            }
        }
    }

    private static void listSlowly(OutputStream out) throws IOException {
        out.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n".getBytes(US_ASCII));
        out.write("{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":["
                .getBytes(US_ASCII));
        String comma = "";
        for (String name : List.of("a", "b", "c", "d", "e")) {
            out.write((comma + ITEM.formatted(name)).getBytes(US_ASCII));
            out.flush();
            comma = ",";
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(TIMEOUT_MILLIS * 2 / 5));
        }
        out.write("]}".getBytes(US_ASCII));
        out.close();
    }
}

package dev.holdfast.operator.watch;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** API servers that end in the middle of their watches. */
@Timeout(120)
class WatchEndTest {
    private static final int WATCHES = 50;
    private static final String EVENT = """
            {"type":"ADDED","object":{"apiVersion":"v1","kind":"Service",
             "metadata":{"name":"chat","namespace":"default","resourceVersion":"7"}}}""";

    private final ScriptedApi api;

    WatchEndTest() throws IOException {
        api = new ScriptedApi(config -> config, WatchEndTest::tellAndEnd);
    }

    @AfterEach
    void stop() throws IOException {
        api.close();
    }

    @Test
    void aWatchThatEndsRightBehindAnEventIsToldOfItsEnd() throws Exception {
        // Given a server that ends every watch as soon as it told one event
        List<CompletableFuture<Void>> ends = new ArrayList<>();

        // When services are watched, again and again
        for (int watch = 0; watch < WATCHES; watch++) {
            Ending ending = new Ending();
            ends.add(ending.told);
            api.client().services().inNamespace("default").watch(ending);
        }

        // Then every watcher is told of the end
        assertThat(CompletableFuture.allOf(ends.toArray(CompletableFuture[]::new)))
                .succeedsWithin(Duration.ofSeconds(30));
    }

    private static final class Ending implements Watcher<Service> {
        private final CompletableFuture<Void> told = new CompletableFuture<>();

        @Override
        public void eventReceived(Action action, Service service) {
            // It may come or not: who is told of the end lists anew.
        }

        @Override
        public void onClose(WatcherException cause) {
            told.complete(null);
        }
    }

    /** One event and the end of the stream (RFC 6455 §4.2.2 and §5.2), without a close frame. */
    private static void tellAndEnd(Socket connection, String head) throws IOException {
        String key = head.lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("sec-websocket-key:"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("");
        OutputStream out = connection.getOutputStream();
        out.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Accept: " + accept(key) + "\r\n\r\n")
                .getBytes(US_ASCII));
        byte[] text = EVENT.getBytes(UTF_8);
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.write(0x81);
        frame.write(126);
        frame.write(text.length >> 8);
        frame.write(text.length);
        frame.write(text);
        out.write(frame.toByteArray());
    }

    private static String accept(String key) {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-1")
                            .digest((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}

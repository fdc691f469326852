package dev.holdfast.cli.echo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EchoServerTest {
    private final EchoServer server = new EchoServer();
    private final HttpClient client = HttpClient.newHttpClient();
    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    private final class Listener implements WebSocket.Listener {
        @Override
        public @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            received.add(data.toString());
            socket.request(1);
            return null;
        }

        @Override
        public @Nullable CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            received.add(code + " " + reason);
            return null;
        }
    }

    private WebSocket connect() {
        URI uri = URI.create("ws://127.0.0.1:" + server.port("echo") + "/any/path");
        return client.newWebSocketBuilder()
                .subprotocols("graphql-transport-ws", "other")
                .buildAsync(uri, new Listener())
                .join();
    }

    private HttpResponse<String> get(int port, String accept) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/a%20b?x=1"))
                .header("Accept", accept)
                .header("X-Seen", "yes")
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void aTunnelIsEchoedUnderTheFirstSubprotocol() throws InterruptedException {
        // Given
        WebSocket socket = connect();

        // When
        socket.sendText("hello", true).join();

        // Then
        assertThat(received.poll(5, TimeUnit.SECONDS)).isEqualTo("hello");
        assertThat(socket.getSubprotocol()).isEqualTo("graphql-transport-ws");
        socket.abort();
    }

    @Test
    void aClientMayAskForAClose() throws InterruptedException {
        // Given
        WebSocket socket = connect();

        // When
        socket.sendText("/close 4001 asked for", true).join();

        // Then
        assertThat(received.poll(5, TimeUnit.SECONDS)).isEqualTo("4001 asked for");
    }

    @Test
    void aProgramHearsWhatItSentAndToWhom() throws IOException, InterruptedException {
        // Given
        int port = server.port("blue");

        // When
        HttpResponse<String> response = get(port, "*/*");

        // Then
        assertThat(response.body())
                .contains("\"backend\" : \"blue\"")
                .contains("\"path\" : \"/a%20b\"")
                .containsIgnoringCase("\"x-seen\" : \"yes\"");
    }

    @Test
    void aBrowserSeesTheTestPage() throws IOException, InterruptedException {
        // Given
        int port = server.port("blue");

        // When
        HttpResponse<String> response = get(port, "text/html,*/*");

        // Then
        assertThat(response.headers().firstValue("content-type")).hasValue("text/html; charset=utf-8");
        assertThat(response.body())
                .contains("<div id=\"result\"")
                .contains(">blue<")
                .doesNotContain("{{");
    }

    @Test
    void aNameIsOnePort() {
        // Given
        int port = server.port("blue");

        // When
        int again = server.port("blue");

        // Then
        assertThat(again).isEqualTo(port).isNotEqualTo(server.port("green"));
        assertThat(server.nameOf(port)).isEqualTo("blue");
        assertThatThrownBy(() -> server.port("no/slash")).hasMessageContaining("builtin:echo/no/slash");
    }
}

package dev.holdfast.cli.local;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/** A client that trusts every certificate, and remembers the last one. */
final class Browser implements AutoCloseable {
    private static final long WAIT_SECONDS = 10;

    private final HttpClient client;
    private volatile @Nullable X509Certificate certificate;

    Browser() {
        try {
            SSLContext tls = SSLContext.getInstance("TLS");
            tls.init(null, new TrustManager[] {new TrustEverything()}, null);
            this.client = HttpClient.newBuilder()
                    .sslContext(tls)
                    .version(HttpClient.Version.HTTP_1_1)
                    .build();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A tunnel and what came through it; a close is {@code close CODE REASON}. */
    record Tab(WebSocket socket, BlockingQueue<String> received) {
        String echo(String text) throws InterruptedException {
            socket.sendText(text, true).join();
            return next();
        }

        String next() throws InterruptedException {
            return String.valueOf(received.poll(WAIT_SECONDS, TimeUnit.SECONDS));
        }
    }

    Tab open(String uri, String... subprotocols) {
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        WebSocket.Builder builder = client.newWebSocketBuilder();
        if (subprotocols.length > 0) {
            List<String> others = List.of(subprotocols).subList(1, subprotocols.length);
            builder.subprotocols(subprotocols[0], others.toArray(String[]::new));
        }
        WebSocket.Listener listener = new WebSocket.Listener() {
            @Override
            public @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
                received.add(data.toString());
                socket.request(1);
                return null;
            }

            @Override
            public @Nullable CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
                received.add("close " + code + " " + reason);
                return null;
            }
        };
        return new Tab(builder.buildAsync(URI.create(uri), listener).join(), received);
    }

    HttpResponse<String> get(String uri, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(uri));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    /** What the server presented last. */
    @Nullable
    X509Certificate certificate() {
        return certificate;
    }

    @Override
    public void close() {
        client.shutdownNow();
        client.close();
    }

    private final class TrustEverything extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {
            certificate = chain[0];
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {
            certificate = chain[0];
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {
            certificate = chain[0];
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}

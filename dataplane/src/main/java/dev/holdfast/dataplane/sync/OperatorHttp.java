package dev.holdfast.dataplane.sync;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;

/** Requests to the operator that say who asks, over connections that know who answers. Thread-safe. */
final class OperatorHttp implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final int TOKEN_BYTES_MAX = 16 << 10;
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/=-]+");

    private final HttpClient http;
    private final @Nullable Path token;

    OperatorHttp(OperatorAccess access) {
        this.token = access.token();
        HttpClient.Builder builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_TIMEOUT)
                .followRedirects(HttpClient.Redirect.NEVER)
                .proxy(HttpClient.Builder.NO_PROXY)
                .executor(Executors.newVirtualThreadPerTaskExecutor());
        Path bundle = access.caBundle();
        builder.sslContext(bundle == null ? trustingNobody() : new OperatorTrust(bundle, access.names()).context());
        this.http = builder.build();
    }

    /** For a client that speaks no TLS: the default context would read every certificate authority of the platform. */
    private static SSLContext trustingNobody() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[0], null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has TLS", e);
        }
    }

    HttpClient client() {
        return http;
    }

    /**
     * Begins a request.
     *
     * @throws IOException if the token cannot be read; the message repeats nothing of it
     */
    HttpRequest.Builder request(URI target) throws IOException {
        HttpRequest.Builder request = HttpRequest.newBuilder(target);
        if (token != null) {
            request.header("Authorization", "Bearer " + read(token));
        }
        return request;
    }

    /** Read for every request: whoever mounts it replaces it long before it ends. */
    private static String read(Path file) throws IOException {
        if (Files.size(file) > TOKEN_BYTES_MAX) {
            throw new IOException("--operator-token: " + file + " (expected: at most " + TOKEN_BYTES_MAX + " bytes)");
        }
        String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).strip();
        if (!TOKEN.matcher(text).matches()) {
            throw new IOException("--operator-token: " + file + " (expected: a token, one line)");
        }
        return text;
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}

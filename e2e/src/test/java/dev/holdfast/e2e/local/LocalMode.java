package dev.holdfast.e2e.local;

import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.e2e.process.Ports;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/** {@code holdfast local} in a process of its own, on free ports of loopback. */
final class LocalMode implements AutoCloseable {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final JavaProcess process;
    private final int httpPort;
    private final int httpsPort;
    private final int adminPort;

    private LocalMode(JavaProcess process, int httpPort, int httpsPort, int adminPort) {
        this.process = process;
        this.httpPort = httpPort;
        this.httpsPort = httpsPort;
        this.adminPort = adminPort;
    }

    /** Serves a directory and returns when it is ready. */
    static LocalMode serve(Path directory) throws InterruptedException {
        int http = Ports.free();
        int https = Ports.free();
        int admin = Ports.free();
        JavaProcess process = JavaProcess.start(
                "dev.holdfast.cli.HoldfastMain",
                Arrays.stream(System.getProperty("local.jvm", "").split(" "))
                        .filter(option -> !option.isEmpty())
                        .toList(),
                List.of(
                        "local",
                        "-f",
                        directory.toString(),
                        "--http-port",
                        "" + http,
                        "--https-port",
                        "" + https,
                        "--admin-port",
                        "" + admin));
        LocalMode local = new LocalMode(process, http, https, admin);
        try {
            local.awaitReady();
        } catch (AssertionError e) {
            process.close();
            throw e;
        }
        return local;
    }

    private void awaitReady() throws InterruptedException {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (System.nanoTime() < deadline && process.exitStatus() == null) {
            try {
                if (admin("/readyz").statusCode() == 200) {
                    return;
                }
            } catch (IOException e) {
                // Not listening yet.
            }
            Thread.sleep(50);
        }
        throw new AssertionError("local mode is not ready; it printed:\n" + process.output());
    }

    /** One GET of the admin port. */
    HttpResponse<String> admin(String path) throws IOException, InterruptedException {
        return CLIENT.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + adminPort + path))
                        .timeout(Duration.ofSeconds(10))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    int httpPort() {
        return httpPort;
    }

    int httpsPort() {
        return httpsPort;
    }

    JavaProcess process() {
        return process;
    }

    @Override
    public void close() {
        process.close();
    }
}

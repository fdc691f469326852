package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.process.JavaProcess;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoublePredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code holdfast dataplane} in a process of its own, serving the table it kept, with no operator. */
public final class DataPlaneProcess implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final JavaProcess process;
    private final int httpPort;
    private final int httpsPort;
    private final int adminPort;

    private DataPlaneProcess(JavaProcess process, Matcher started) {
        this.process = process;
        this.httpPort = Integer.parseInt(started.group(1));
        this.httpsPort = Integer.parseInt(started.group(2));
        this.adminPort = Integer.parseInt(started.group(3));
    }

    /** Starts it with more options and returns once it is ready. */
    public static DataPlaneProcess serve(Path state, String... options) throws Exception {
        return serve(List.of(), List.of(), state, options);
    }

    /** The same behind a wrapper such as one that sets a limit, and with JVM options. */
    public static DataPlaneProcess serve(List<String> wrapper, List<String> jvm, Path state, String... options)
            throws Exception {
        List<String> arguments = new ArrayList<>(List.of(
                "dataplane",
                "--operator=http://127.0.0.1:1",
                "--name=overload",
                "--state-dir=" + state,
                "--http=127.0.0.1:0",
                "--https=127.0.0.1:0",
                "--admin=127.0.0.1:0"));
        arguments.addAll(List.of(options));
        JavaProcess process = JavaProcess.start(wrapper, "dev.holdfast.cli.HoldfastMain", jvm, arguments);
        try {
            DataPlaneProcess started = new DataPlaneProcess(
                    process, process.await("data plane started .*http=(\\d+) https=(\\d+) admin=(\\d+)", START));
            started.awaitReady();
            return started;
        } catch (AssertionError | Exception e) {
            process.close();
            throw e;
        }
    }

    private void awaitReady() throws Exception {
        long deadline = System.nanoTime() + START.toNanos();
        while (readyStatus() != 200) {
            assertThat(System.nanoTime())
                    .as("not ready; it printed:\n%s", process.output())
                    .isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    /** Of the plain listener. */
    public int httpPort() {
        return httpPort;
    }

    int httpsPort() {
        return httpsPort;
    }

    /** Of {@code /metrics} and the probes. */
    public int adminPort() {
        return adminPort;
    }

    /** With what it printed. */
    public JavaProcess process() {
        return process;
    }

    /** The status of the readiness probe; 0 without an answer. */
    int readyStatus() throws InterruptedException {
        try {
            return admin("/readyz").statusCode();
        } catch (IOException e) {
            return 0;
        }
    }

    /** The sum of a metric's series whose name and labels match. */
    public double metric(String regex) throws IOException, InterruptedException {
        Matcher lines = Pattern.compile("(?m)^" + regex + "(?:\\{[^}]*})? ([-0-9.E+]+)$")
                .matcher(admin("/metrics").body());
        double sum = 0;
        while (lines.find()) {
            sum += Double.parseDouble(lines.group(1));
        }
        return sum;
    }

    /** Waits until a metric is at most {@code most}; returns how long that took. */
    Duration awaitAtMost(String regex, double most, Duration wait) throws IOException, InterruptedException {
        return await(regex, value -> value <= most, "at most " + most, wait);
    }

    /** Waits until a metric is at least {@code least}; returns how long that took. */
    Duration awaitAtLeast(String regex, double least, Duration wait) throws IOException, InterruptedException {
        return await(regex, value -> value >= least, "at least " + least, wait);
    }

    private Duration await(String regex, DoublePredicate wanted, String expected, Duration wait)
            throws IOException, InterruptedException {
        long began = System.nanoTime();
        double value = metric(regex);
        while (!wanted.test(value)) {
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .as("%s is %s still (expected: %s)", regex, value, expected)
                    .isLessThan(wait);
            Thread.sleep(50);
            value = metric(regex);
        }
        return Duration.ofNanos(System.nanoTime() - began);
    }

    /** Descriptors that it has open; -1 where the system does not tell. */
    long openFiles() {
        String[] files = Path.of("/proc", "" + process.pid(), "fd").toFile().list();
        return files == null ? -1 : files.length;
    }

    private HttpResponse<String> admin(String path) throws IOException, InterruptedException {
        return CLIENT.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + adminPort + path))
                        .timeout(Duration.ofSeconds(10))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    /** Kills it, if it runs still; fails when it told of a buffer that nobody released. */
    @Override
    public void close() {
        try (process) {
            if (process.exitStatus() == null) {
                process.seekLeaks(httpPort);
            }
        }
    }
}

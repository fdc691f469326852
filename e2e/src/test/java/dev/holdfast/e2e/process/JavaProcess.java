package dev.holdfast.e2e.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A main class of the product in a JVM of its own, on the class path of the tests. Everything it prints is kept. */
public final class JavaProcess implements AutoCloseable {
    private static final int LINES_MAX = 100_000;
    private static final String PROBE = "GET / HTTP/1.1\r\nHost: nowhere.test\r\nConnection: close\r\n\r\n";

    private final Process process;
    private final Consumer<String> listener;
    private final List<String> lines = new ArrayList<>();

    private JavaProcess(Process process, Consumer<String> listener) {
        this.process = process;
        this.listener = listener;
        Thread.ofVirtual().start(this::collect);
    }

    /** Starts {@code mainClass} with these JVM options and arguments. */
    public static JavaProcess start(String mainClass, List<String> jvmOptions, List<String> arguments) {
        return start(command(List.of(), mainClass, jvmOptions, arguments), line -> {});
    }

    /** The same by way of a command that runs its last arguments, for instance one that sets a limit first. */
    public static JavaProcess start(
            List<String> wrapper, String mainClass, List<String> jvmOptions, List<String> arguments) {
        return start(command(wrapper, mainClass, jvmOptions, arguments), line -> {});
    }

    /** The same, and tells every line: of a process that prints more than is kept. */
    public static JavaProcess start(
            String mainClass, List<String> jvmOptions, List<String> arguments, Consumer<String> listener) {
        return start(command(List.of(), mainClass, jvmOptions, arguments), listener);
    }

    private static List<String> command(
            List<String> wrapper, String mainClass, List<String> jvmOptions, List<String> arguments) {
        List<String> command = new ArrayList<>(wrapper);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(
                "-Xmx512m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=4"));
        // A buffer that nobody releases is told at once; one record says where, more would slow the process down.
        command.addAll(List.of("-Dio.netty.leakDetection.level=paranoid", "-Dio.netty.leakDetection.targetRecords=1"));
        command.addAll(jvmOptions);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
        command.addAll(arguments);
        return command;
    }

    private static JavaProcess start(List<String> command, Consumer<String> listener) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            // As images and ./holdfast do: an arena for each thread would keep what its thread freed.
            builder.environment().put("MALLOC_ARENA_MAX", "1");
            return new JavaProcess(builder.start(), listener);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void collect() {
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                listener.accept(line);
                synchronized (lines) {
                    if (lines.size() < LINES_MAX) {
                        lines.add(line);
                    }
                    lines.notifyAll();
                }
            }
        } catch (IOException e) {
            // The process is gone; what it printed before is kept.
            synchronized (lines) {
                lines.notifyAll();
            }
        }
    }

    /** Waits for a line that contains the pattern and returns the match. */
    public Matcher await(String regex, Duration wait) throws InterruptedException {
        Pattern pattern = Pattern.compile(regex);
        long deadline = System.nanoTime() + wait.toNanos();
        int read = 0;
        synchronized (lines) {
            while (true) {
                for (; read < lines.size(); read++) {
                    Matcher matcher = pattern.matcher(lines.get(read));
                    if (matcher.find()) {
                        return matcher;
                    }
                }
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0 || !process.isAlive()) {
                    throw new AssertionError(
                            "no line matches " + regex + " within " + wait + "; it printed:\n" + output());
                }
                lines.wait(Math.min(left, 200));
            }
        }
    }

    /** Everything printed so far. */
    public String output() {
        synchronized (lines) {
            return String.join("\n", lines);
        }
    }

    /** The exit status, or null while it runs. */
    public @Nullable Integer exitStatus() {
        return process.isAlive() ? null : process.exitValue();
    }

    /** The process id. */
    public long pid() {
        return process.pid();
    }

    /** Sends a signal, for instance {@code STOP}. */
    public void signal(String name) throws InterruptedException {
        try {
            int status = new ProcessBuilder("kill", "-" + name, "" + process.pid())
                    .inheritIO()
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new IllegalStateException("kill -" + name + " ended with status " + status);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Processor time used so far. */
    public Duration cpu() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** SIGKILL, and waits until it is gone. */
    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** SIGTERM, and waits; kills it after {@code wait}. Returns the exit status. */
    public int terminate(Duration wait) throws InterruptedException {
        process.destroy();
        if (!process.waitFor(wait.toMillis(), TimeUnit.MILLISECONDS)) {
            process.destroyForcibly().waitFor();
        }
        return process.exitValue();
    }

    /**
     * Has it tell of the buffers that nobody released so far: Netty does so with the next buffer that is taken behind a
     * collection, here for a request at this port of it.
     */
    public void seekLeaks(int port) {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        Command.expect(Duration.ofSeconds(60), Map.of(), List.of(jcmd, "" + pid(), "GC.run"));
        for (int i = 0; i < 2; i++) {
            try (Socket probe = new Socket()) {
                // The collector hands over what it found in a thread of its own.
                Thread.sleep(100);
                probe.setSoTimeout(10_000);
                probe.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 2_000);
                probe.getOutputStream().write(PROBE.getBytes(StandardCharsets.US_ASCII));
                probe.getInputStream().readAllBytes();
            } catch (SocketTimeoutException e) {
                // Of a test that drops every packet to it.
                return;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** Kills it; fails when it told of a buffer that nobody released. */
    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
        synchronized (lines) {
            List<String> leaks =
                    lines.stream().filter(line -> line.contains("LEAK: ")).toList();
            if (!leaks.isEmpty()) {
                throw new AssertionError("resources nobody released: " + String.join("\n", leaks));
            }
        }
    }
}

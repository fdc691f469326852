package dev.holdfast.e2e.soak;

import dev.holdfast.e2e.process.JavaProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A process of the product under observation: what it logs, holds resident and keeps open. Linux. */
final class SoakProcess implements AutoCloseable {
    private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");
    private static final Pattern LIVE_BYTES = Pattern.compile("(?m)^Total +[0-9]+ +([0-9]+)");
    private static final double KIB_PER_MIB = 1024;
    private static final double BYTES_PER_KIB = 1024;

    private final String name;
    private final JavaProcess process;
    private final Trend residentMib = new Trend();
    private final Trend liveHeapMib = new Trend();
    private final Trend openFiles = new Trend();
    private long openFilesIdle;

    private SoakProcess(String name, JavaProcess process) {
        this.name = name;
        this.process = process;
    }

    /**
     * Starts a command of the product. Its heap is resident from the start, so that resident memory shows what grows
     * outside of it; what grows inside shows in the live heap. Leak detection looks at every buffer.
     */
    static SoakProcess start(String name, int heapMib, List<String> arguments, Tally tally) {
        List<String> options = List.of(
                "-Xms" + heapMib + "m",
                "-Xmx" + heapMib + "m",
                "-XX:+AlwaysPreTouch",
                "-XX:+UseCompactObjectHeaders",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dio.netty.leakDetection.level=paranoid",
                "-Dio.netty.leakDetection.targetRecords=16");
        return new SoakProcess(
                name,
                JavaProcess.start(
                        "dev.holdfast.cli.HoldfastMain", options, arguments, line -> read(name, line, tally)));
    }

    private static void read(String name, String line, Tally tally) {
        if (line.contains("LEAK:")) {
            tally.leaks.increment();
            tally.complain(name + ": " + line);
        } else if (line.contains("\"log.level\":\"ERROR\"") || line.startsWith("Exception in thread")) {
            tally.errorsLogged.increment();
            tally.complain(name + ": " + line);
        }
    }

    String name() {
        return name;
    }

    Trend residentMib() {
        return residentMib;
    }

    Trend liveHeapMib() {
        return liveHeapMib;
    }

    Trend openFiles() {
        return openFiles;
    }

    boolean isAlive() {
        return process.exitStatus() == null;
    }

    /** Everything it printed, up to a bound. */
    String output() {
        return process.output();
    }

    /**
     * Collects garbage, so that leaks are found and the heap shows what is alive, hands back what the C library keeps of
     * memory that was freed (a compiler's workspace is tens of MiB), and measures. Until it is warm only the last
     * measurement counts.
     */
    void measure(double hours, boolean warm) throws IOException, InterruptedException {
        if (!warm) {
            List.of(residentMib, liveHeapMib, openFiles).forEach(Trend::clear);
        }
        // A histogram of what is alive collects first, and counts nothing that was allocated since.
        Matcher live = LIVE_BYTES.matcher(jcmd("GC.class_histogram"));
        if (!live.find()) {
            throw new IOException(name + ": jcmd printed no total (expected: a histogram of the heap)");
        }
        liveHeapMib.add(hours, Double.parseDouble(live.group(1)) / (KIB_PER_MIB * BYTES_PER_KIB));
        jcmd("System.trim_native_heap");
        residentMib.add(hours, readResidentMib());
        openFiles.add(hours, countOpenFiles());
    }

    private double readResidentMib() throws IOException {
        Matcher resident = RESIDENT.matcher(Files.readString(Path.of("/proc/" + process.pid() + "/status")));
        return resident.find() ? Double.parseDouble(resident.group(1)) / KIB_PER_MIB : 0;
    }

    /** Remembers the files that are open before any traffic. */
    void markIdle() throws IOException {
        openFilesIdle = countOpenFiles();
    }

    /** How many more are open than before any traffic. */
    long openFilesBeyondIdle() throws IOException {
        return countOpenFiles() - openFilesIdle;
    }

    private long countOpenFiles() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/" + process.pid() + "/fd"))) {
            return files.count();
        }
    }

    private String jcmd(String command) throws IOException, InterruptedException {
        Path tool = Path.of(System.getProperty("java.home"), "bin", "jcmd");
        Process jcmd = new ProcessBuilder(tool.toString(), "" + process.pid(), command)
                .redirectErrorStream(true)
                .start();
        String output = new String(jcmd.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        if (!jcmd.waitFor(60, TimeUnit.SECONDS)) {
            jcmd.destroyForcibly();
        }
        return output;
    }

    /** SIGTERM, and waits; returns the exit status. */
    int terminate() throws InterruptedException {
        return process.terminate(Duration.ofSeconds(60));
    }

    @Override
    public void close() {
        process.close();
    }
}

package dev.holdfast.e2e.soak;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** One soak from start to verdict. */
final class Soak {
    private static final double NANOS_PER_HOUR = 3_600e9;
    private static final long FILES_KEPT_MAX = 60;
    private static final Duration QUIET_WAIT = Duration.ofSeconds(60);

    private final SoakConfig config;
    private final Path work;
    private final Tally tally = new Tally();
    private final SoakReport report;

    /**
     * @param work an empty directory for the state of the processes
     * @param out where lines go
     */
    Soak(SoakConfig config, Path work, PrintStream out) {
        this.config = config;
        this.work = work;
        this.report = new SoakReport(out, tally);
    }

    /** Runs it; returns what is wrong, nothing if all is well. */
    List<String> run() throws Exception {
        SoakConfig.Load load = config.load();
        try (Rig rig = new Rig(work, config.dataPlanes(), tally);
                SoakFleet fleet = new SoakFleet(
                        rig.targets("ws", SoakObjects.HELD_HOST),
                        rig.targets("ws", SoakObjects.BUSY_HOST),
                        load.tunnels(),
                        tally)) {
            HttpLoad http = new HttpLoad(rig.targets("http", SoakObjects.BUSY_HOST), load.requestsPerSecond(), tally);
            fleet.open();
            fleet.start(load.messagesPerSecond(), load.tunnelsPerSecond());
            http.start();
            try {
                rig.edits().start(load.editsPerSecond());
                watch(rig);
                rig.edits().stop();
            } finally {
                http.stop();
            }
            fleet.finish();
            TunnelGauges end = awaitQuiet(rig);
            List<String> wrong = new ArrayList<>(report.conclude(config, rig.processes(), end));
            for (SoakProcess process : rig.processes()) {
                if (process.isAlive()) {
                    awaitFilesClosed(process, wrong);
                } else {
                    wrong.add(process.name() + ": ended by itself; it printed:\n" + process.output());
                }
            }
            return wrong;
        }
    }

    private void watch(Rig rig) throws IOException, InterruptedException {
        long begun = System.nanoTime();
        long due = begun;
        while (true) {
            due += config.reportEvery().toNanos();
            long end = begun + config.length().toNanos();
            long wait = Math.min(due, end) - System.nanoTime();
            if (wait > 0) {
                Thread.sleep(Duration.ofNanos(wait));
            }
            long elapsed = System.nanoTime() - begun;
            for (SoakProcess process : rig.processes()) {
                if (!process.isAlive()) {
                    tally.complain(process.name() + ": ended by itself");
                    return;
                }
                process.measure(
                        elapsed / NANOS_PER_HOUR, elapsed >= config.warmUp().toNanos());
            }
            rig.cluster().forgetRequests();
            report.progress(Duration.ofNanos(elapsed), rig.processes(), rig.gauges());
            if (elapsed >= config.length().toNanos()) {
                return;
            }
        }
    }

    /** What carried traffic must be given back; connections to backends may be kept for a next request. */
    private void awaitFilesClosed(SoakProcess process, List<String> wrong) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + QUIET_WAIT.toNanos();
        while (process.openFilesBeyondIdle() > FILES_KEPT_MAX && System.nanoTime() < deadline) {
            Thread.sleep(200);
        }
        long kept = process.openFilesBeyondIdle();
        String line = process.name() + ": open files when all is closed, beyond those before: " + kept + " (limit "
                + FILES_KEPT_MAX + ")";
        report.figure(line);
        if (kept > FILES_KEPT_MAX) {
            wrong.add(line);
        }
    }

    /** The last tunnels are gone for their clients a moment before they are for the data planes. */
    private static TunnelGauges awaitQuiet(Rig rig) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + QUIET_WAIT.toNanos();
        TunnelGauges gauges = rig.gauges();
        while ((gauges.active() != 0 || gauges.gap() != 0) && System.nanoTime() < deadline) {
            Thread.sleep(200);
            gauges = rig.gauges();
        }
        return gauges;
    }
}

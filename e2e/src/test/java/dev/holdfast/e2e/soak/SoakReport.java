package dev.holdfast.e2e.soak;

import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Turns counts into lines, and into a verdict. */
final class SoakReport {
    /** R42: what resident memory and the live heap may gain, once the time is long enough to tell. */
    static final double SLOPE_MAX_MIB = 1;
    /** What they may gain in a short time: compiled code, classes, buffers of the allocator, noise. */
    static final double RISE_MAX_MIB = 24;

    /** Less tells nothing. */
    private static final double HOURS_MIN = 0.05;

    /** Of the traffic that was asked for. */
    private static final double SHARE_MIN = 0.9;

    /** The same of so short a soak that its beginning, when nothing is compiled, weighs. */
    private static final double SHORT_SHARE_MIN = 0.5;

    private static final double FILES_MAX = 1;
    private static final double FILES_NOISE = 100;

    private final PrintStream out;
    private final Tally tally;

    SoakReport(PrintStream out, Tally tally) {
        this.out = out;
        this.tally = tally;
    }

    /** One line for now. */
    void progress(Duration elapsed, List<SoakProcess> processes, TunnelGauges gauges) {
        String memory = processes.stream()
                .map(process -> String.format(
                        "%s %.0f/%.0f MiB %.0f fds",
                        process.name(),
                        process.residentMib().last(),
                        process.liveHeapMib().last(),
                        process.openFiles().last()))
                .collect(Collectors.joining(", "));
        out.printf(
                "soak: %s tunnels %d (gauge %d, gap %d), opened %d, messages %d, requests %d, edits %d; faults: %s; resident/live heap: %s%n",
                elapsed.withNanos(0),
                tally.open(),
                gauges.active(),
                gauges.gap(),
                tally.opened.sum(),
                tally.back.sum(),
                tally.requests.sum(),
                tally.edits.sum(),
                nonZeroFaults(),
                memory);
        out.flush();
    }

    private String nonZeroFaults() {
        String faults = tally.faults().entrySet().stream()
                .filter(fault -> fault.getValue() > 0)
                .map(fault -> fault.getKey() + " " + fault.getValue())
                .collect(Collectors.joining(", "));
        return faults.isEmpty() ? "none" : faults;
    }

    /** The figures at the end; returns what is wrong, nothing if all is well. */
    List<String> conclude(SoakConfig config, List<SoakProcess> processes, TunnelGauges end) {
        out.printf(
                "figure: R42 soak %s: tunnels opened %d, closed %d, messages %d, HTTP requests %d, edits %d%n",
                config.length(),
                tally.opened.sum(),
                tally.closed.sum(),
                tally.back.sum(),
                tally.requests.sum(),
                tally.edits.sum());
        out.println("figure: R42 faults (limit 0 each): "
                + tally.faults().entrySet().stream()
                        .map(fault -> fault.getKey() + " " + fault.getValue())
                        .collect(Collectors.joining(", ")));
        out.printf(
                "figure: R42 gauge at the end: opened %d, closed %d, active %d, closed by others than the client %d%n",
                end.opened(), end.closed(), end.active(), end.closedByOthers());
        List<String> wrong = new ArrayList<>(faults());
        wrong.addAll(missing(config));
        wrong.addAll(gaugeFaults(end));
        for (SoakProcess process : processes) {
            judge(process.name() + ": resident memory", "MiB", process.residentMib(), wrong);
            judge(process.name() + ": live heap", "MiB", process.liveHeapMib(), wrong);
            judge(process.name() + ": open files", "", process.openFiles(), wrong);
        }
        tally.complaints().forEach(complaint -> out.println("  " + complaint));
        out.flush();
        return wrong;
    }

    /** Counts that are not zero. */
    List<String> faults() {
        List<String> wrong = new ArrayList<>();
        tally.faults().forEach((name, count) -> {
            if (count != 0) {
                wrong.add(name + ": " + count + " (limit: 0)");
            }
        });
        return wrong;
    }

    /** Traffic that did not happen: what stands still drops nothing. */
    List<String> missing(SoakConfig config) {
        SoakConfig.Load load = config.load();
        List<String> wrong = new ArrayList<>();
        expect("messages", tally.back.sum(), load.messagesPerSecond(), config, wrong);
        expect("requests", tally.requests.sum(), load.requestsPerSecond(), config, wrong);
        expect("edits", tally.edits.sum(), load.editsPerSecond(), config, wrong);
        expect("tunnels", tally.opened.sum() - load.tunnels(), load.tunnelsPerSecond(), config, wrong);
        return wrong;
    }

    private static void expect(String what, long found, int perSecond, SoakConfig config, List<String> wrong) {
        double seconds = config.length().toMillis() / 1_000.0;
        double share = seconds < HOURS_MIN * 3_600 ? SHORT_SHARE_MIN : SHARE_MIN;
        long least = (long) (share * perSecond * seconds);
        if (found < least) {
            wrong.add(what + ": " + found + " (expected: " + least + " or more)");
        }
    }

    /** The data planes' own counts must tell the same story once everything is closed. */
    List<String> gaugeFaults(TunnelGauges end) {
        List<String> wrong = new ArrayList<>();
        if (end.gap() != 0 || end.active() != 0) {
            wrong.add("gauge: opened " + end.opened() + ", closed " + end.closed() + ", active " + end.active()
                    + " (expected: active = opened - closed = 0)");
        }
        if (end.opened() != tally.opened.sum()) {
            wrong.add(
                    "gauge: opened " + end.opened() + " (expected: " + tally.opened.sum() + ", as the clients count)");
        }
        if (end.closedByOthers() != 0) {
            wrong.add("gauge: " + end.closedByOthers() + " tunnels were not closed by their client (limit: 0)");
        }
        return wrong;
    }

    void figure(String line) {
        out.println("figure: R42 " + line);
    }

    private void judge(String what, String unit, Trend trend, List<String> wrong) {
        if (trend.hours() < HOURS_MIN) {
            figure(String.format("%s: last %.1f %s, too short for a slope", what, trend.last(), unit));
            return;
        }
        double limit = unit.isEmpty() ? FILES_MAX : SLOPE_MAX_MIB;
        double noise = unit.isEmpty() ? FILES_NOISE : RISE_MAX_MIB;
        String line = String.format(
                "%s: slope %.2f %s/h over %.2f h (limit %.2f), last %.1f",
                what, trend.slopePerHour(), unit, trend.hours(), trend.limitPerHour(limit, noise), trend.last());
        figure(line);
        if (!trend.isFlat(limit, noise)) {
            wrong.add(line);
        }
    }
}

package dev.holdfast.cli.local;

import dev.holdfast.cli.manifest.FileNotice;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.Severity;
import java.io.PrintStream;
import java.time.Duration;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedSet;
import java.util.function.Consumer;

/** Prints events for people. */
public final class TextPrintout implements Consumer<LocalEvent> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss");
    private static final int NAMES_MAX = 5;

    private final PrintStream out;
    private final Ink ink;

    /** Whether the terminal shows colours. */
    public enum Ink {
        /** ANSI colours. */
        COLOUR,
        /** Text alone. */
        PLAIN
    }

    /** Prints to {@code out}. */
    public TextPrintout(PrintStream out, Ink ink) {
        this.out = out;
        this.ink = ink;
    }

    @Override
    public void accept(LocalEvent event) {
        switch (event) {
            case LocalEvent.Started started -> new Welcome(started).lines().forEach(this::plain);
            case LocalEvent.Reached reached -> reached(reached);
            case LocalEvent.Changed changed -> changed(changed);
            case LocalEvent.Appeared appeared -> appeared(appeared.diagnostic());
            case LocalEvent.Resolved resolved -> line("32", "✓ solved: " + subject(resolved.diagnostic()));
            case LocalEvent.Noticed noticed -> noticed(noticed.notice());
            case LocalEvent.Refused refused ->
                line("31", "✗ the data plane refuses the table, the one before stays: " + refused.reason());
            case LocalEvent.Opened opened -> line("", opened(opened));
            case LocalEvent.Closed closed -> line("", closed(closed));
            case LocalEvent.Draining draining ->
                line(
                        "",
                        "draining %d → %d (%d s left; Ctrl-C again cuts)"
                                .formatted(draining.from(), draining.remaining(), seconds(draining.left())));
            case LocalEvent.Drained drained ->
                line(
                        "",
                        "ended: %d drained, %d cut"
                                .formatted(
                                        drained.result().drained(),
                                        drained.result().cut()));
            case LocalEvent.LeftOut leftOut ->
                line("33", "! " + leftOut.events() + " lines left out: too many at once");
        }
        out.flush();
    }

    private void reached(LocalEvent.Reached reached) {
        if (reached.reachable()) {
            plain("✓ backend reachable (" + reached.took().toMillis() + " ms)");
        } else {
            plain("! backend " + reached.backend() + " accepts no connections yet; start it, nothing needs a restart");
        }
    }

    private void changed(LocalEvent.Changed changed) {
        TableDifference difference = changed.difference();
        List<String> parts = new ArrayList<>();
        parts.add(count("+", difference.routesAdded(), "route"));
        if (!difference.routesRemoved().isEmpty()) {
            parts.add(count("-", difference.routesRemoved(), "route"));
        }
        if (!difference.routesChanged().isEmpty()) {
            parts.add(count("~", difference.routesChanged(), "route"));
        }
        if (!difference.endpointsChanged().isEmpty()) {
            parts.add(count("~", difference.endpointsChanged(), "endpoint group"));
        }
        if (!difference.certificatesChanged().isEmpty()) {
            parts.add(count("~", difference.certificatesChanged(), "certificate"));
        }
        if (difference.routesAdded().isEmpty() && parts.size() > 1) {
            parts.removeFirst();
        }
        String tunnels = changed.tunnelsAffected() + (changed.tunnelsAffected() == 1 ? " tunnel" : " tunnels")
                + " affected" + (changed.tunnelsOpen() == 0 ? "" : " of " + changed.tunnelsOpen() + " open");
        line(
                changed.tunnelsAffected() == 0 ? "32" : "31",
                "✓ table " + changed.version().sequence() + ": " + String.join(", ", parts) + "; " + tunnels);
        names("+", difference.routesAdded());
        names("-", difference.routesRemoved());
        names("~", difference.routesChanged());
        names("~", difference.endpointsChanged());
        names("~", difference.certificatesChanged());
    }

    private static String count(String sign, SortedSet<String> keys, String noun) {
        return sign + keys.size() + " " + noun + (keys.size() == 1 ? "" : "s");
    }

    private void names(String sign, SortedSet<String> keys) {
        keys.stream().limit(NAMES_MAX).forEach(key -> plain("             " + sign + " " + key));
        if (keys.size() > NAMES_MAX) {
            plain("             " + sign + " and " + (keys.size() - NAMES_MAX) + " more");
        }
    }

    private void appeared(Diagnostic diagnostic) {
        boolean error = diagnostic.code().severity() == Severity.ERROR;
        line(error ? "31" : "33", (error ? "✗ " : "! ") + subject(diagnostic) + ": " + diagnostic.message());
        plain("             " + diagnostic.code().reason() + ", see docs/diagnostics.md");
    }

    private static String subject(Diagnostic diagnostic) {
        return diagnostic.subject() + (diagnostic.fieldPath().isEmpty() ? "" : " " + diagnostic.fieldPath());
    }

    private void noticed(FileNotice notice) {
        switch (notice) {
            case FileNotice.Broken broken ->
                line(
                        "31",
                        "✗ " + broken.file() + ":" + broken.problem().line() + ": "
                                + broken.problem().reason()
                                + (broken.keeps() == 0
                                        ? "; nothing of the file is served"
                                        : "; its last good objects (" + broken.keeps() + ") stay in force"));
            case FileNotice.Mended mended -> line("32", "✓ solved: " + mended.file());
            case FileNotice.Skipped skipped ->
                line(
                        "",
                        "· " + skipped.file() + ":" + skipped.line() + ": " + skipped.object() + " skipped"
                                + (skipped.reason().isEmpty() ? "" : ": " + skipped.reason()));
            case FileNotice.Duplicate duplicate ->
                line(
                        "33",
                        "! " + duplicate.file() + ":" + duplicate.line() + ": " + duplicate.object()
                                + " is defined already; " + duplicate.inForce() + ":" + duplicate.inForceLine()
                                + " is in force (expected: one definition)");
        }
    }

    private static String opened(LocalEvent.Opened event) {
        var tunnel = event.tunnel();
        return "open  #%d %s → %s:%d  %s%s  101 in %d ms%s"
                .formatted(
                        tunnel.id(),
                        tunnel.client().peer().getAddress().getHostAddress(),
                        tunnel.endpoint().address(),
                        tunnel.endpoint().port(),
                        tunnel.client().host(),
                        tunnel.client().path(),
                        tunnel.handshake().toMillis(),
                        tunnel.subprotocol() == null ? "" : "  subprotocol=" + tunnel.subprotocol());
    }

    private static String closed(LocalEvent.Closed event) {
        TunnelEnd end = event.end();
        return "close #%d %s by %s%s  %s  ↑%s ↓%s"
                .formatted(
                        event.tunnel().id(),
                        end.closeCode() == null ? "without code" : String.valueOf(end.closeCode()),
                        end.initiator().label(),
                        end.reason() == TunnelEnd.Reason.CLOSE_FRAME
                                ? ""
                                : " (" + end.reason().label() + ")",
                        age(end.duration()),
                        bytes(end.bytesFromClient()),
                        bytes(end.bytesFromBackend()));
    }

    private static String age(Duration duration) {
        if (duration.toSeconds() < 10) {
            return String.format(Locale.ROOT, "%.1fs", duration.toMillis() / 1000.0);
        }
        String text =
                duration.truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString();
        return text.substring(2).toLowerCase(Locale.ROOT);
    }

    private static String bytes(long bytes) {
        if (bytes < 1_000) {
            return bytes + "B";
        }
        return bytes < 1_000_000
                ? String.format(Locale.ROOT, "%.1fKB", bytes / 1e3)
                : String.format(Locale.ROOT, "%.1fMB", bytes / 1e6);
    }

    private static long seconds(Duration left) {
        return (left.toMillis() + 999) / 1_000;
    }

    private void line(String colour, String text) {
        String time = "[" + LocalTime.now().format(TIME) + "] ";
        String safe = time + printable(text);
        out.println(ink == Ink.PLAIN || colour.isEmpty() ? safe : "\u001b[" + colour + "m" + safe + "\u001b[0m");
    }

    private void plain(String text) {
        out.println(printable(text));
    }

    /** Names come from manifests and from clients: no control character of theirs reaches the terminal. */
    private static String printable(String text) {
        StringBuilder safe = new StringBuilder(text.length());
        text.codePoints().forEach(c -> safe.appendCodePoint(Character.isISOControl(c) ? ' ' : c));
        return safe.toString();
    }
}

package dev.holdfast.cli.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cli.local.TextPrintout.Ink;
import dev.holdfast.cli.manifest.FileNotice;
import dev.holdfast.cli.manifest.ParseProblem;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.TableVersion;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class TextPrintoutTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private List<String> print(LocalEvent event, Ink ink) {
        new TextPrintout(new PrintStream(bytes, true, StandardCharsets.UTF_8), ink).accept(event);
        return bytes.toString(StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.replaceFirst("\\[[0-9:]{8}\\]", "[time]"))
                .toList();
    }

    private static LocalEvent changed(List<String> added, List<String> changed, int affected) {
        TableDifference difference = new TableDifference(
                new TreeSet<>(added), new TreeSet<>(), new TreeSet<>(changed), new TreeSet<>(), new TreeSet<>());
        return new LocalEvent.Changed(new TableVersion(7, "0".repeat(64)), difference, 3, affected);
    }

    @Test
    void aChangeIsADiffAndWhatItDidToTunnels() {
        // Given
        LocalEvent event = changed(List.of("a.test/ (Ingress/x)"), List.of("b.test/ (Ingress/y)"), 0);

        // When
        List<String> lines = print(event, Ink.PLAIN);

        // Then
        assertThat(lines)
                .containsExactly(
                        "[time] ✓ table 7: +1 route, ~1 route; 0 tunnels affected of 3 open",
                        "             + a.test/ (Ingress/x)",
                        "             ~ b.test/ (Ingress/y)");
    }

    @Test
    void aLongDiffIsCut() {
        // Given
        LocalEvent event = changed(List.of("1", "2", "3", "4", "5", "6", "7"), List.of(), 1);

        // When
        List<String> lines = print(event, Ink.PLAIN);

        // Then
        assertThat(lines).hasSize(7).last().isEqualTo("             + and 2 more");
        assertThat(lines.getFirst()).isEqualTo("[time] ✓ table 7: +7 routes; 1 tunnel affected of 3 open");
    }

    @Test
    void aBrokenFileIsNamedWithLineAndReason() {
        // Given
        FileNotice broken = new FileNotice.Broken(Path.of("sub/a.yaml"), new ParseProblem(12, "expected ','"), 2);

        // When
        List<String> lines = print(new LocalEvent.Noticed(broken), Ink.PLAIN);

        // Then
        assertThat(lines)
                .containsExactly("[time] ✗ sub/a.yaml:12: expected ','; its last good objects (2) stay in force");
    }

    @Test
    void aProblemIsColouredOnATerminalAndCannotPaintItself() {
        // Given
        Diagnostic problem = new Diagnostic(
                DiagnosticCode.BACKEND_NOT_FOUND,
                new ResourceRef("Ingress", "default", "x"),
                "spec",
                "no\u001b[2Jbody");

        // When
        List<String> lines = print(new LocalEvent.Appeared(problem), Ink.COLOUR);

        // Then
        assertThat(lines.getFirst())
                .startsWith("\u001b[31m")
                .contains("✗ Ingress default/x spec: no [2Jbody")
                .endsWith("\u001b[0m");
    }

    @Test
    void theEndIsCountedDown() {
        // Given
        LocalEvent progress = new LocalEvent.Draining(124, 60, Duration.ofMillis(11_200));

        // When
        print(progress, Ink.PLAIN);
        List<String> lines = print(new LocalEvent.Drained(new DrainResult(123, 1)), Ink.PLAIN);

        // Then
        assertThat(lines)
                .containsExactly(
                        "[time] draining 124 → 60 (12 s left; Ctrl-C again cuts)", "[time] ended: 123 drained, 1 cut");
    }
}

package dev.holdfast.e2e.autobahn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.autobahn.Report.Verdict;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The comparison must notice what it is there for: doctored reports. */
class CompareReportsTest {
    private static final Verdict OK = new Verdict("OK", "OK", "1000");
    private static final Verdict NON_STRICT = new Verdict("NON-STRICT", "OK", "1000");
    private static final Map<String, Verdict> DIRECT = Map.of(
            "1.1.1", OK,
            "1.1.2", OK,
            "2.10", OK,
            "6.4.1", NON_STRICT,
            "7.1.6", new Verdict("INFORMATIONAL", "INFORMATIONAL", "null"),
            "9.1.1", new Verdict("FAILED", "OK", "1000"));

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @Test
    void equalReportsPassWithWhateverFailsDirectly() {
        // Given, When
        boolean passed = compare(DIRECT, DIRECT, 6);

        // Then
        assertThat(passed).isTrue();
        assertThat(output())
                .contains("cases 6, OK 3, non-strict 1, informational 1, failed 1")
                .contains("new failures 0 (limit 0), flips 0 (limit 2), close codes 0 (limit 0)");
    }

    @Test
    void aNewFailureFailsTheRun() {
        // Given
        Map<String, Verdict> doctored = doctored("2.10", new Verdict("FAILED", "OK", "1000"));

        // When
        boolean passed = compare(DIRECT, doctored, 6);

        // Then
        assertThat(passed).isFalse();
        assertThat(output()).contains("new failure 2.10: OK, close OK 1000 -> FAILED, close OK 1000");
    }

    @Test
    void aTunnelThatEndsWithoutACleanCloseFailsTheRun() {
        // Given
        Map<String, Verdict> doctored = doctored("1.1.1", new Verdict("OK", "UNCLEAN", "null"));

        // When
        boolean passed = compare(DIRECT, doctored, 6);

        // Then
        assertThat(passed).isFalse();
    }

    @Test
    void aCaseThatWasNotRunThroughUsFailsTheRun() {
        // Given
        Map<String, Verdict> doctored = new TreeMap<>(DIRECT);
        doctored.remove("1.1.2");

        // When
        boolean passed = compare(DIRECT, doctored, 6);

        // Then
        assertThat(passed).isFalse();
        assertThat(output()).contains("new failure 1.1.2: OK, close OK 1000 -> not run");
    }

    @Test
    void anotherCloseCodeFailsTheRun() {
        // Given
        Map<String, Verdict> doctored = doctored("1.1.1", new Verdict("OK", "OK", "1006"));

        // When
        boolean passed = compare(DIRECT, doctored, 6);

        // Then
        assertThat(passed).isFalse();
    }

    @Test
    void twoFlipsPassAndAThirdDoesNot() {
        // Given
        Map<String, Verdict> two = doctored("1.1.1", NON_STRICT);
        two.put("6.4.1", OK);
        Map<String, Verdict> three = new TreeMap<>(two);
        three.put("1.1.2", NON_STRICT);

        // When
        boolean twoPass = compare(DIRECT, two, 6);
        boolean threePass = compare(DIRECT, three, 6);

        // Then
        assertThat(twoPass).isTrue();
        assertThat(threePass).isFalse();
    }

    @Test
    void aSuiteThatRanTooFewCasesFailsTheRun() {
        // Given, When
        boolean passed = compare(DIRECT, DIRECT, 301);

        // Then
        assertThat(passed).isFalse();
        assertThat(output()).contains("6 cases were run (expected: at least 301)");
    }

    @Test
    void aReportIsReadAsAutobahnWritesIt(@TempDir Path directory) throws IOException {
        // Given
        Files.writeString(directory.resolve("index.json"), """
                {"direct": {
                  "10.1.1": {"behavior": "OK", "behaviorClose": "OK", "duration": 1, "remoteCloseCode": 1000},
                  "2.1": {"behavior": "NON-STRICT", "behaviorClose": "OK", "duration": 1, "remoteCloseCode": null}}}
                """);

        // When
        Report report = Report.read(directory);

        // Then
        assertThat(report.cases())
                .containsExactly(Map.entry("2.1", new Verdict("NON-STRICT", "OK", "null")), Map.entry("10.1.1", OK));
    }

    private static Map<String, Verdict> doctored(String number, Verdict verdict) {
        Map<String, Verdict> doctored = new TreeMap<>(DIRECT);
        doctored.put(number, verdict);
        return doctored;
    }

    private boolean compare(Map<String, Verdict> direct, Map<String, Verdict> through, int casesMin) {
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
        return CompareReports.compare("ws", Report.of(direct), Report.of(through), casesMin, out);
    }

    private String output() {
        return printed.toString(StandardCharsets.UTF_8);
    }
}

package dev.holdfast.e2e.house;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.accesslog.Field;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The chart says only what the code knows. What needs Helm is checked by {@code e2e/chart/run.sh}. */
class ChartTest {
    private static final Path CHART = SourceTree.ROOT.resolve("charts/holdfast");
    private static final Pattern METER = Pattern.compile("\"(holdfast\\.[a-z_.]+)\"");
    private static final Pattern SERIES = Pattern.compile("\\bholdfast_[a-z_]+");
    private static final Pattern FLAG = Pattern.compile("- (--[a-z-]+)");
    private static final Pattern OPTION = Pattern.compile("\"(--[a-z-]+)\"");
    private static final Pattern ALERT = Pattern.compile("- alert: (\\w+)");
    private static final Pattern IMAGE = Pattern.compile("image: (\\S+)");
    private static final Pattern APP_VERSION = Pattern.compile("appVersion: \"?([^\"\\s]+)");
    private static final Set<String> SUFFIXES =
            Set.of("", "_total", "_seconds", "_seconds_bucket", "_seconds_sum", "_seconds_count");

    @Test
    void theChartsDefinitionsAreThoseOfTheApi() {
        // Given
        Path source = SourceTree.ROOT.resolve("crds/src/main/resources/META-INF/fabric8");
        List<Path> definitions = SourceTree.files(
                path -> path.startsWith(source) && path.toString().endsWith(".yml"));

        // When
        List<Path> different = definitions.stream()
                .filter(path -> !SourceTree.read(path)
                        .equals(SourceTree.read(CHART.resolve("files/crds").resolve(path.getFileName()))))
                .toList();

        // Then
        assertThat(definitions).isNotEmpty();
        assertThat(different)
                .as("definitions to copy into charts/holdfast/files/crds (run: make chart)")
                .isEmpty();
    }

    @Test
    void alertsAndDashboardsAskForMetersThatExist() {
        // Given
        Set<String> meters = found(METER, javaOf("dataplane", "operator")).stream()
                .map(name -> name.replace('.', '_'))
                .collect(Collectors.toSet());

        // When
        Set<String> asked = new TreeSet<>();
        for (Path file : SourceTree.files(path -> path.startsWith(CHART))) {
            if (!file.toString().contains("/crds/")) {
                SERIES.matcher(SourceTree.read(file)).results().forEach(match -> asked.add(match.group()));
            }
        }
        Set<String> unknown = new TreeSet<>(asked);
        unknown.removeIf(series -> SUFFIXES.stream()
                .anyMatch(suffix -> series.endsWith(suffix)
                        && meters.contains(series.substring(0, series.length() - suffix.length()))));

        // Then
        assertThat(asked).hasSizeGreaterThan(20);
        assertThat(unknown).as("series that no process has").isEmpty();
    }

    @Test
    void thePodsAreStartedWithOptionsThatExist() {
        // Given
        Set<String> options = found(OPTION, javaOf("dataplane", "operator"));

        // When
        Set<String> flags = found(FLAG, SourceTree.files(path -> path.startsWith(CHART.resolve("templates"))));

        // Then
        assertThat(flags).hasSizeGreaterThan(20);
        assertThat(options).as("options of the two processes").containsAll(flags);
    }

    @Test
    void theSchemaTakesTheFieldsOfTheAccessLog() {
        // Given
        String fields =
                Arrays.stream(Field.values()).map(Field::label).collect(Collectors.joining("|", "\"^(", ")$\""));

        // When
        String schema = SourceTree.read(CHART.resolve("values.schema.json"));

        // Then
        assertThat(schema).contains(fields);
    }

    @Test
    void theExamplesRunInTheImagesOfThisVersion() {
        // Given
        String version = found(APP_VERSION, List.of(CHART.resolve("Chart.yaml"))).stream()
                .findFirst()
                .orElseThrow();

        // When
        Set<String> images =
                found(IMAGE, SourceTree.files(path -> path.startsWith(SourceTree.ROOT.resolve("deploy/examples"))));

        // Then
        assertThat(images).containsExactly("holdfast/cli:" + version);
    }

    @Test
    void everyAlertTellsWhatToDoAndIsPlayedByPromtool() {
        // Given
        String runbook = SourceTree.read(SourceTree.ROOT.resolve("docs/alerts.md"));
        String rules = SourceTree.read(CHART.resolve("files/alerts.yaml"));
        String played = SourceTree.read(SourceTree.ROOT.resolve("e2e/chart/alerts.test.yaml"));

        // When
        List<String> alerts =
                ALERT.matcher(rules).results().map(match -> match.group(1)).toList();

        // Then
        assertThat(alerts).hasSizeGreaterThan(10).allSatisfy(alert -> {
            assertThat(runbook).contains("## " + alert + "\n");
            String page = "runbook: docs/alerts.md#" + alert.toLowerCase(Locale.ROOT) + "\n";
            assertThat(rules).contains(page);
            assertThat(played).contains("alertname: " + alert + "\n        exp_alerts:\n");
            assertThat(played).contains(page);
        });
    }

    private static List<Path> javaOf(String... modules) {
        return SourceTree.javaFiles().stream()
                .filter(path -> List.of(modules).stream()
                        .anyMatch(module -> path.startsWith(SourceTree.ROOT.resolve(module + "/src/main"))))
                .toList();
    }

    private static Set<String> found(Pattern pattern, List<Path> files) {
        return files.stream()
                .flatMap(file -> pattern.matcher(SourceTree.read(file)).results())
                .map((MatchResult match) -> match.group(1))
                .collect(Collectors.toSet());
    }
}

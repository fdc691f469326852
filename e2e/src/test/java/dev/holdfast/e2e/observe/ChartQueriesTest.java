package dev.holdfast.e2e.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.observe.MetricsDocument.Meter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What the chart's alerts and dashboards ask of Prometheus, against {@code docs/observability.md}: series, labels, and the words
 * that labels are compared with. Whether it is PromQL, and whether alerts fire, promtool says in {@code e2e/chart/run.sh}.
 */
class ChartQueriesTest {
    private static final Path FILES = Path.of(System.getProperty("holdfast.root", ".."), "charts/holdfast/files");
    private static final Pattern RULE = Pattern.compile("expr: >-\\n +(.*)");
    private static final Pattern PANEL = Pattern.compile("\"(?:expr|query)\": \"(.*holdfast_.*)\"");
    private static final Pattern SERIES = Pattern.compile("\\b(holdfast_[a-z_]+)(?:\\{([^}]*)})?");
    private static final Pattern MATCHER = Pattern.compile("(\\w+)(?:=~|!~|!=|=)\"([^\"]*)\"");
    private static final Pattern GROUPING = Pattern.compile("\\bby \\(([^)]*)\\)");
    private static final Pattern WORDS = Pattern.compile("\\| `([a-z_]+)`[^|]*\\| ([^|]+) \\|");
    private static final Pattern WORD = Pattern.compile("`([^`]+)`");
    /** What Prometheus adds to every series of a pod that has none of that name, and the bound of a histogram's bucket. */
    private static final Set<String> ADDED = Set.of("namespace", "pod", "le");

    @Test
    void alertsAndDashboardsAskForDocumentedLabelsAndWords() throws IOException {
        // Given
        Documented documented = new Documented(MetricsDocument.documented(), words());
        List<String> queries = queries();

        // When
        List<String> faults = queries.stream().flatMap(documented::faults).toList();

        // Then
        assertThat(queries).hasSizeGreaterThan(40);
        assertThat(documented.words().get("code_class")).contains("none", "1011", "4xxx");
        assertThat(faults).isEmpty();
    }

    /** By name the meters, by label the words that its tables list. */
    private record Documented(Map<String, Meter> meters, Map<String, Set<String>> words) {
        Stream<String> faults(String query) {
            Stream<String> selected = SERIES.matcher(query).results().flatMap(this::faults);
            Stream<String> grouped = GROUPING.matcher(query).results().flatMap(by -> {
                Matcher series = SERIES.matcher(query);
                assertThat(series.find(by.end())).as(query).isTrue();
                return Stream.of(by.group(1).split(", *"))
                        .filter(label -> !labels(series.group(1)).contains(label))
                        .map(label -> label + " is no label of " + series.group(1));
            });
            return Stream.concat(selected, grouped).map(fault -> fault + ", in " + query);
        }

        private Stream<String> faults(MatchResult series) {
            Set<String> known = labels(series.group(1));
            if (known.isEmpty()) {
                return Stream.of(series.group(1) + " is not documented");
            }
            String selector = series.group(2);
            if (selector == null) {
                return Stream.of();
            }
            return MATCHER.matcher(selector).results().flatMap(matcher -> {
                String label = matcher.group(1);
                if (!known.contains(label)) {
                    return Stream.of(label + " is no label of " + series.group(1));
                }
                return Stream.of(matcher.group(2).split("\\|"))
                        .filter(value -> !value.startsWith("$"))
                        .filter(value ->
                                words.containsKey(label) && !words.get(label).contains(value))
                        .map(value -> value + " is no word of " + label);
            });
        }

        /** Those that the series can have; none if it is not documented. */
        private Set<String> labels(String series) {
            Meter meter = meters.get(series);
            if (meter == null) {
                meter = meters.get(series.replaceAll("_(bucket|sum|count)$", ""));
            }
            if (meter == null) {
                return Set.of();
            }
            Set<String> labels = new HashSet<>(meter.labels());
            labels.addAll(ADDED);
            return labels;
        }
    }

    private static Map<String, Set<String>> words() throws IOException {
        Map<String, Set<String>> words = new HashMap<>();
        Files.readString(MetricsDocument.FILE)
                .lines()
                .map(WORDS::matcher)
                .filter(Matcher::matches)
                .forEach(row -> WORD.matcher(row.group(2))
                        .results()
                        .forEach(word -> words.computeIfAbsent(row.group(1), label -> new HashSet<>())
                                .add(word.group(1))));
        return words;
    }

    private static List<String> queries() throws IOException {
        List<String> queries = new ArrayList<>();
        try (Stream<Path> files = Files.walk(FILES)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                Pattern pattern = file.toString().endsWith(".json") ? PANEL : RULE;
                pattern.matcher(Files.readString(file))
                        .results()
                        .forEach(query -> queries.add(query.group(1).replace("\\\"", "\"")));
            }
        }
        return queries;
    }
}

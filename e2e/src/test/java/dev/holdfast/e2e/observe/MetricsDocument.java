package dev.holdfast.e2e.observe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The table of meters in {@code docs/observability.md}, and the same of what Prometheus is told. */
final class MetricsDocument {
    static final Path FILE = Path.of(System.getProperty("holdfast.root", ".."), "docs", "observability.md");
    private static final Pattern ROW =
            Pattern.compile("\\| `(holdfast_[a-z_]+)` \\| (\\w+) \\| ([^|]*) \\| ([^|]*) \\|");
    private static final Pattern LABEL = Pattern.compile("([a-z_]+)=\"");

    /** One meter; labels in alphabetical order, without {@code le}. */
    record Meter(String name, String type, Set<String> labels, String meaning) {
        String row() {
            List<String> quoted =
                    labels.stream().map(label -> "`" + label + "`").toList();
            return "| `%s` | %s | %s | %s |".formatted(name, type, String.join(", ", quoted), meaning);
        }
    }

    private MetricsDocument() {}

    /** By name, as documented. */
    static Map<String, Meter> documented() throws IOException {
        Map<String, Meter> meters = new TreeMap<>();
        Matcher rows = ROW.matcher(Files.readString(FILE));
        while (rows.find()) {
            Set<String> labels = new TreeSet<>();
            Matcher label = Pattern.compile("`([a-z_]+)`").matcher(rows.group(3));
            while (label.find()) {
                labels.add(label.group(1));
            }
            Meter meter = new Meter(
                    rows.group(1), rows.group(2), labels, rows.group(4).strip());
            if (meters.put(meter.name(), meter) != null) {
                throw new IllegalStateException(meter.name() + " is documented twice");
            }
        }
        return meters;
    }

    /** By name, of an answer in Prometheus' text format; the maxima that Micrometer adds to timers are left out. */
    static Map<String, Meter> shown(String scrape) {
        Map<String, String> help = new TreeMap<>();
        Map<String, String> types = new TreeMap<>();
        Map<String, Set<String>> labels = new TreeMap<>();
        List<String> samples = new ArrayList<>();
        scrape.lines().forEach(line -> {
            String[] words = line.split(" ", 4);
            if (line.startsWith("# HELP ")) {
                help.put(words[2], words.length > 3 ? words[3].strip() : "");
            } else if (line.startsWith("# TYPE ")) {
                types.put(words[2], words[3]);
            } else {
                samples.add(line);
            }
        });
        for (String sample : samples) {
            int brace = sample.indexOf('{');
            String series = sample.substring(0, brace < 0 ? sample.indexOf(' ') : brace);
            String family = series.replaceAll("_(bucket|sum|count)$", "");
            Set<String> known =
                    labels.computeIfAbsent(types.containsKey(family) ? family : series, f -> new TreeSet<>());
            Matcher label = LABEL.matcher(brace < 0 ? "" : sample.substring(brace));
            while (label.find()) {
                known.add(label.group(1));
            }
            known.remove("le");
        }
        Map<String, Meter> meters = new TreeMap<>();
        types.forEach((name, type) -> {
            if (name.startsWith("holdfast_") && !name.endsWith("_seconds_max")) {
                meters.put(
                        name, new Meter(name, type, labels.getOrDefault(name, Set.of()), help.getOrDefault(name, "")));
            }
        });
        return meters;
    }
}

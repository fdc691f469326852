package dev.holdfast.e2e.autobahn;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What Autobahn found out about one server.
 *
 * @param cases by case number, in numeric order
 */
record Report(SortedMap<String, Verdict> cases) {
    private static final Comparator<String> NUMERIC = Comparator.comparing(
            number -> Arrays.stream(number.split("\\."))
                    .mapToInt(Integer::parseInt)
                    .toArray(),
            Arrays::compare);

    /**
     * The verdict on one case.
     *
     * @param behavior {@code OK}, {@code NON-STRICT}, {@code INFORMATIONAL}, {@code FAILED} or {@code UNIMPLEMENTED}
     * @param close how the server closed: {@code OK}, {@code INFORMATIONAL}, {@code UNCLEAN}, {@code WRONG CODE} or
     *     {@code FAILED BY CLIENT}
     * @param closeCode the close code that the server sent, {@code null} as a word if it sent none
     */
    record Verdict(String behavior, String close, String closeCode) {
        /** Whether the server did what the protocol forbids, or did not end as it must. */
        boolean isFailure() {
            return !isPassed(behavior) || !isPassed(close);
        }

        private static boolean isPassed(String word) {
            return switch (word) {
                case "OK", "NON-STRICT", "INFORMATIONAL" -> true;
                default -> false;
            };
        }

        @Override
        public String toString() {
            return behavior + ", close " + close + " " + closeCode;
        }
    }

    /** A report of these verdicts. */
    static Report of(Map<String, Verdict> verdicts) {
        SortedMap<String, Verdict> sorted = new TreeMap<>(NUMERIC);
        sorted.putAll(verdicts);
        return new Report(sorted);
    }

    /** Reads {@code index.json} of a directory that Autobahn left, with exactly one server. */
    static Report read(Path directory) throws IOException {
        JsonNode agents =
                new ObjectMapper().readTree(directory.resolve("index.json").toFile());
        if (agents.size() != 1) {
            throw new IOException(directory + ": " + agents.size() + " servers (expected: one)");
        }
        Map<String, Verdict> verdicts = new TreeMap<>();
        agents.iterator().next().properties().forEach(entry -> verdicts.put(entry.getKey(), verdict(entry.getValue())));
        return of(verdicts);
    }

    private static Verdict verdict(JsonNode node) {
        return new Verdict(
                node.path("behavior").asText(),
                node.path("behaviorClose").asText(),
                node.path("remoteCloseCode").asText("null"));
    }

    /** How many cases ended in this word. */
    long count(String behavior) {
        return cases.values().stream()
                .filter(verdict -> verdict.behavior().equals(behavior))
                .count();
    }

    /** How many cases failed, by what was done or by how it was closed. */
    long failures() {
        return cases.values().stream().filter(Verdict::isFailure).count();
    }
}

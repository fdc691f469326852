package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/conformance.md} against the annotations. Rewrite it with {@code -Dconformance.rewrite=true}. */
class ConformanceDocumentTest {
    private static final String START = "<!-- generated from the tests: start -->\n";
    private static final String END = "<!-- generated from the tests: end -->\n";

    /** Duties that do not apply, and why. */
    private static final Map<String, String> ABSENT = new TreeMap<>(Map.of(
            "C28", "HTTP/2 is not served",
            "W11", "HTTP/2 is not served: no extended CONNECT",
            "W12", "HTTP/2 is not served: no `:protocol`"));

    private static final String ROOT = "dev.holdfast.dataplane.";

    /** Tests elsewhere that show a duty as well. */
    private static final List<String> ELSEWHERE = List.of("proxy.BackendFailureTest", "proxy.tunnel.UpgradeTest");

    private static final List<Class<?>> CLASSES = List.of(
            ForwardingTest.class,
            RequestHeadTest.class,
            RequestBodyTest.class,
            ResponseTest.class,
            BrokenAnswerTest.class,
            RoutingTest.class,
            UpgradeTest.class,
            TunnelTest.class,
            NewerProtocolsTest.class,
            UpgradeMatrixTest.class,
            SmugglingTest.class);

    @Test
    void everyDutyThatAppliesHasATest() {
        // Given
        Set<String> duties =
                Stream.concat(numbers("C", 28), numbers("W", 13)).collect(Collectors.toCollection(TreeSet::new));

        // When
        Set<String> covered = new TreeSet<>(ABSENT.keySet());
        annotations().keySet().forEach(row -> covered.add(row.substring(0, 3)));

        // Then
        assertThat(covered).isEqualTo(duties);
    }

    @Test
    void theDocumentListsTheTests() throws IOException {
        // Given
        Path document = Path.of(System.getProperty("holdfast.root", ".."), "docs", "conformance.md");
        String text = Files.readString(document);
        String generated = generated();

        // When
        if (Boolean.getBoolean("conformance.rewrite")) {
            text = text.substring(0, text.indexOf(START))
                    + generated
                    + text.substring(text.indexOf(END) + END.length());
            Files.writeString(document, text);
        }

        // Then
        assertThat(text)
                .as("docs/conformance.md (run the tests with -Dconformance.rewrite=true)")
                .contains(generated);
    }

    private static Stream<String> numbers(String letter, int last) {
        return IntStream.rangeClosed(1, last).mapToObj(number -> String.format("%s%02d", letter, number));
    }

    /** Number and RFC section, and the tests that show them. */
    private static Map<String, Set<String>> annotations() {
        Map<String, Set<String>> rows = new TreeMap<>();
        CLASSES.forEach(type -> add(rows, type, type.getSimpleName()));
        for (String name : ELSEWHERE) {
            try {
                add(rows, Class.forName(ROOT + name), name);
            } catch (ClassNotFoundException e) {
                throw new AssertionError(e);
            }
        }
        return rows;
    }

    private static void add(Map<String, Set<String>> rows, Class<?> type, String name) {
        for (Method method : type.getDeclaredMethods()) {
            for (Conformance duty : method.getAnnotationsByType(Conformance.class)) {
                rows.computeIfAbsent(duty.value() + " | " + duty.rfc(), key -> new TreeSet<>())
                        .add("`" + name + "." + method.getName() + "`");
            }
        }
    }

    private static String generated() {
        StringBuilder text = new StringBuilder(START);
        text.append("\n| Number | RFC | Tests |\n|---|---|---|\n");
        annotations()
                .forEach((row, tests) -> text.append("| ")
                        .append(row)
                        .append(" | ")
                        .append(String.join("<br>", tests))
                        .append(" |\n"));
        text.append("\n| Not applicable yet | Why |\n|---|---|\n");
        ABSENT.forEach((number, why) ->
                text.append("| ").append(number).append(" | ").append(why).append(" |\n"));
        return text.append('\n').append(END).toString();
    }
}

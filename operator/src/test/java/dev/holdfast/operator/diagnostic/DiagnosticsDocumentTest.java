package dev.holdfast.operator.diagnostic;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/diagnostics.md} and the enum say the same, both ways. */
class DiagnosticsDocumentTest {
    private static final Path DOCUMENT = Path.of("../docs/diagnostics.md");

    @Test
    void everyCodeIsDocumentedAndNothingElse() throws IOException {
        // When
        Map<String, String> sections = sections();
        // Then
        assertThat(sections.keySet())
                .containsExactly(
                        Stream.of(DiagnosticCode.values()).map(Enum::name).toArray(String[]::new));
    }

    @Test
    void severityConditionAndReasonAreThoseOfTheCode() throws IOException {
        // When
        Map<String, String> sections = sections();
        // Then
        for (DiagnosticCode code : DiagnosticCode.values()) {
            assertThat(sections.get(code.name()))
                    .as(code.name())
                    .contains("| " + code.severity() + " | " + code.condition().type() + " | " + code.reason() + " |");
        }
    }

    @Test
    void everySectionHasAnExampleAndARemedy() throws IOException {
        // When
        List<String> incomplete = new ArrayList<>();
        sections().forEach((name, text) -> {
            if (!text.contains("Example: `") || !text.contains("Remedy: ")) {
                incomplete.add(name);
            }
        });
        // Then
        assertThat(incomplete).isEmpty();
    }

    private static Map<String, String> sections() throws IOException {
        Map<String, String> sections = new LinkedHashMap<>();
        for (String part : Files.readString(DOCUMENT).split("(?m)^### ")) {
            String name = part.lines().findFirst().orElse("").strip();
            if (name.matches("[A-Z_]+")) {
                sections.put(name, part);
            }
        }
        return sections;
    }
}

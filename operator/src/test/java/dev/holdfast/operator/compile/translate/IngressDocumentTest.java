package dev.holdfast.operator.compile.translate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code docs/ingress.md} lists each annotation where it belongs, and no other. */
class IngressDocumentTest {
    private static final Path DOCUMENT = Path.of("../docs/ingress.md");
    private static final Pattern NAME = Pattern.compile("`([a-z0-9-]+)`");

    static Stream<Arguments> sections() {
        return Stream.of(
                Arguments.of("Annotations of ours", OwnAnnotations.NAMES),
                Arguments.of("Annotations of ingress-nginx that are honoured", NginxAnnotations.HONOURED),
                Arguments.of("Annotations of ingress-nginx that are refused", NginxCatalogue.REFUSED.keySet()),
                Arguments.of("Annotations of ingress-nginx without effect", NginxCatalogue.IGNORED.keySet()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("sections")
    void aSectionListsItsAnnotations(String heading, Set<String> known) throws IOException {
        // Given
        String document = Files.readString(DOCUMENT);

        // When
        Set<String> listed = firstColumn(document, heading);

        // Then
        assertThat(listed).containsExactlyInAnyOrderElementsOf(known);
    }

    private static Set<String> firstColumn(String document, String heading) {
        String section = Stream.of(document.split("(?m)^## "))
                .filter(part -> part.startsWith(heading + "\n"))
                .findFirst()
                .orElseThrow();
        return section.lines()
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.substring(1, line.indexOf('|', 1)))
                .flatMap(cell -> NAME.matcher(cell).results())
                .map(match -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}

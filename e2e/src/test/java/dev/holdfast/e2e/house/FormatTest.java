package dev.holdfast.e2e.house;

import static org.assertj.core.api.Assertions.assertThat;

import com.palantir.javaformat.java.Formatter;
import com.palantir.javaformat.java.FormatterException;
import com.palantir.javaformat.java.ImportOrderer;
import com.palantir.javaformat.java.JavaFormatterOptions;
import com.palantir.javaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Java is formatted by palantir-java-format. It runs here and not in Spotless because Spotless runs inside Maven, which
 * may run on a JDK 17 whose parser does not know our Java ({@code docs/decisions/0003-format-check-runs-as-a-test.md}).
 */
class FormatTest {
    private static final JavaFormatterOptions.Style STYLE = JavaFormatterOptions.Style.PALANTIR;
    private static final Formatter FORMATTER = Formatter.createFormatter(
            JavaFormatterOptions.builder().style(STYLE).build());

    @Test
    void everyJavaFileIsFormatted() throws IOException, FormatterException {
        // Given
        boolean apply = Boolean.getBoolean("format.apply");
        List<Path> unformatted = new ArrayList<>();

        // When
        for (Path file : SourceTree.javaFiles()) {
            String source = SourceTree.read(file);
            String formatted = format(source);
            if (!source.equals(formatted)) {
                unformatted.add(SourceTree.ROOT.relativize(file));
                if (apply) {
                    Files.writeString(file, formatted);
                }
            }
        }

        // Then
        if (apply) {
            System.out.println("formatted " + unformatted.size() + " files");
        } else {
            assertThat(unformatted).as("files to format (run: make format)").isEmpty();
        }
    }

    private static String format(String source) throws FormatterException {
        String used = RemoveUnusedImports.removeUnusedImports(source);
        String ordered = ImportOrderer.reorderImports(used, STYLE);
        return FORMATTER.formatSource(ordered);
    }
}

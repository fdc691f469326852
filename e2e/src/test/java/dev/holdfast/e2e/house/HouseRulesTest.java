package dev.holdfast.e2e.house;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.LineMap;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

class HouseRulesTest {
    private static final int FILE_LINES_MAX = 500;
    private static final int METHOD_LINES_MAX = 70;
    private static final Pattern MARKER = Pattern.compile("\\b(TODO|FIXME|XXX)\\b|@Disabled");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#\\s]+)(#[^)]*)?\\)");

    @Test
    void noFileIsLongerThanOneIdea() {
        // Given
        List<Path> files = SourceTree.javaFiles();

        // When
        List<String> tooLong = files.stream()
                .filter(file -> SourceTree.read(file).lines().count() > FILE_LINES_MAX)
                .map(HouseRulesTest::name)
                .toList();

        // Then
        assertThat(tooLong)
                .as("files of more than %d lines: split by responsibility", FILE_LINES_MAX)
                .isEmpty();
    }

    @Test
    void noMethodIsLongerThanAScreen() throws IOException {
        // Given
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<String> tooLong = new ArrayList<>();

        // When
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null)) {
            JavacTask task = (JavacTask) compiler.getTask(
                    null, manager, null, List.of(), null, manager.getJavaFileObjectsFromPaths(SourceTree.javaFiles()));
            SourcePositions positions = Trees.instance(task).getSourcePositions();
            for (CompilationUnitTree unit : task.parse()) {
                new MethodLengths(unit, positions, tooLong).scan(unit, null);
            }
        }

        // Then
        assertThat(tooLong)
                .as("methods of more than %d lines: name their steps", METHOD_LINES_MAX)
                .isEmpty();
    }

    @Test
    void nothingIsLeftForLater() {
        // Given
        List<Path> files = SourceTree.files(path -> path.toString().matches(".*\\.(java|sh|ya?ml|md|html)")
                && !path.getFileName().toString().equals("HouseRulesTest.java"));

        // When
        List<String> marked = files.stream()
                .filter(file -> MARKER.matcher(SourceTree.read(file)).find())
                .map(HouseRulesTest::name)
                .toList();

        // Then
        assertThat(marked).as("files with a marker for later: do it or drop it").isEmpty();
    }

    @Test
    void everyLinkOfADocumentLeadsSomewhere() {
        // Given
        List<Path> documents = SourceTree.files(path -> path.toString().endsWith(".md"));

        // When
        List<String> broken = new ArrayList<>();
        for (Path document : documents) {
            Matcher links = LINK.matcher(SourceTree.read(document));
            while (links.find()) {
                String target = links.group(1);
                if (!target.contains(":")
                        && !Files.exists(document.resolveSibling(target).normalize())) {
                    broken.add(name(document) + " -> " + target);
                }
            }
        }

        // Then
        assertThat(broken).as("links that lead nowhere").isEmpty();
    }

    private static String name(Path file) {
        return SourceTree.ROOT.relativize(file).toString();
    }

    private static final class MethodLengths extends TreeScanner<Void, Void> {
        private final CompilationUnitTree unit;
        private final SourcePositions positions;
        private final List<String> tooLong;

        MethodLengths(CompilationUnitTree unit, SourcePositions positions, List<String> tooLong) {
            this.unit = unit;
            this.positions = positions;
            this.tooLong = tooLong;
        }

        @Override
        public Void visitMethod(MethodTree method, Void unused) {
            if (method.getBody() != null) {
                LineMap lines = unit.getLineMap();
                long start = lines.getLineNumber(positions.getStartPosition(unit, method.getBody()));
                long end = lines.getLineNumber(positions.getEndPosition(unit, method.getBody()));
                if (end - start > METHOD_LINES_MAX) {
                    tooLong.add(unit.getSourceFile().getName() + ":" + start + " " + method.getName());
                }
            }
            return super.visitMethod(method, unused);
        }
    }
}

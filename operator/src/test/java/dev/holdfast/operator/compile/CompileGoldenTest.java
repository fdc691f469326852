package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.wire.TableDigester;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * One case per directory: {@code in/*.yaml} is compiled and compared with {@code out/}. {@code -Dgolden.rewrite=true}
 * writes what comes out; read it before it is committed. A case in a directory {@code local-…} is compiled as in local
 * mode, one in {@code externalname-allowed-…} with ExternalName permitted.
 */
class CompileGoldenTest {
    private static final Path CASES = Path.of("src/test/resources/compile");
    private static final Set<String> OUTPUTS = Set.of("routetable.yaml", "diagnostics.yaml");

    @TestFactory
    Stream<DynamicTest> everyCaseCompilesToWhatWasReviewed() throws IOException {
        return cases().stream()
                .map(directory ->
                        DynamicTest.dynamicTest(directory.getFileName().toString(), () -> compare(directory)));
    }

    @Test
    void thereAreAtLeastSixtySituations() throws IOException {
        assertThat(cases()).hasSizeGreaterThanOrEqualTo(60);
    }

    private static List<Path> cases() throws IOException {
        try (Stream<Path> directories = Files.list(CASES)) {
            return directories.sorted().toList();
        }
    }

    private static void compare(Path directory) throws IOException {
        // Given
        Manifests manifests = new Manifests();
        List<Path> unread = new ArrayList<>();
        try (Stream<Path> files = Files.walk(directory)) {
            files.filter(Files::isRegularFile).forEach(unread::add);
        }
        try (Stream<Path> inputs = Files.list(directory.resolve("in"))) {
            for (Path input : inputs.filter(file -> file.toString().endsWith(".yaml"))
                    .sorted()
                    .toList()) {
                manifests.add(Files.readString(input));
                unread.remove(input);
            }
        }
        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), options(directory));
        // Then
        for (String output : OUTPUTS) {
            Path file = directory.resolve("out").resolve(output);
            String actual =
                    output.startsWith("route") ? GoldenText.table(result.table()) : GoldenText.diagnostics(result);
            if (Boolean.getBoolean("golden.rewrite")) {
                Files.createDirectories(file.getParent());
                Files.writeString(file, actual);
            }
            assertThat(Files.exists(file))
                    .as("%s (make golden writes it)", file)
                    .isTrue();
            assertThat(actual).as("%s (make golden rewrites it)", file).isEqualTo(Files.readString(file));
            unread.remove(file);
        }
        assertThat(unread).as("files that nobody reads").isEmpty();
        assertThat(new TableDigester().digest(result.table())).hasSize(64);
    }

    private static CompileOptions options(Path directory) {
        String name = directory.getFileName().toString();
        CompileOptions base = name.startsWith("local-") ? CompileOptions.LOCAL : CompileOptions.DEFAULT;
        return name.startsWith("externalname-allowed")
                ? new CompileOptions(base.controllerValue(), base.className(), true, base.loopbackEndpoints())
                : base;
    }
}

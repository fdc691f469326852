package dev.holdfast.cli.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;

/**
 * A manifest as bytes, read as YAML and as JSON. Nothing is thrown; a file is either sound or has a problem in one of its
 * lines and no object; a file that did not change reads the same from what is remembered of it.
 */
public final class ManifestFuzz {
    private static final int REASON_CHARS_MAX = 512;

    private ManifestFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) {
        int lines = (int) new String(input, StandardCharsets.ISO_8859_1).lines().count() + 1;
        for (String name : new String[] {"fuzzed.yaml", "fuzzed.json"}) {
            DocumentReader reader = new DocumentReader();
            ManifestFile file = ManifestFile.read(name, input, ManifestFile.EMPTY, reader);
            ParseProblem problem = file.problem();
            if (problem != null) {
                assertThat(file.objects()).as("half a file is nobody's intent").isEmpty();
                assertThat(problem.line()).as(problem.reason()).isBetween(1, lines);
                assertThat(problem.reason())
                        .isNotBlank()
                        .hasSizeLessThan(REASON_CHARS_MAX)
                        .doesNotContain("\n");
            }
            for (ManifestObject object : file.objects()) {
                assertThat(object.line()).isBetween(1, lines);
                assertThat(object.ref().kind()).isNotEmpty();
            }
            ManifestFile again = ManifestFile.read(name, input, file, reader);
            assertThat(again.problem()).isEqualTo(problem);
            assertThat(again.objects()).isEqualTo(file.objects());
        }
    }
}

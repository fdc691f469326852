package dev.holdfast.routetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.wire.WireCodecFuzz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowingConsumer;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every seed of every fuzz target of this module, findings among them, as an ordinary test; {@code e2e/fuzz/run.sh}
 * looks for more.
 */
class FuzzSeedsTest {
    private static final Path SEEDS = Path.of("src/test/resources/fuzz");
    private static final Map<String, ThrowingConsumer<byte[]>> TARGETS =
            Map.of("WireCodecFuzz", WireCodecFuzz::fuzzerTestOneInput);

    static Stream<Path> seeds() throws IOException {
        return Files.walk(SEEDS)
                .filter(Files::isRegularFile)
                .map(SEEDS::relativize)
                .sorted();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    @Timeout(value = 30, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void everySeedHoldsItsProperties(Path seed) throws IOException {
        // Given
        ThrowingConsumer<byte[]> target = TARGETS.get(seed.getName(0).toString());
        byte[] input = Files.readAllBytes(SEEDS.resolve(seed));

        // When
        assertThat(target).as("the target of %s", seed).isNotNull();
        target.accept(input);
    }
}

package dev.holdfast.e2e.soak;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.soak.SoakConfig.Load;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The soak in small, so that its command works on the day it is needed. */
class SoakTest {
    private static final SoakConfig SHORT = new SoakConfig(
            Duration.ofSeconds(15), Duration.ofSeconds(12), Duration.ofSeconds(5), 1, new Load(100, 200, 50, 10, 10));

    @Test
    @Timeout(300)
    void aShortSoakFindsNothingWrong(@TempDir Path work) throws Exception {
        // Given
        Soak soak = new Soak(SHORT, work, System.out);

        // When
        List<String> wrong = soak.run();

        // Then
        assertThat(wrong).isEmpty();
    }
}

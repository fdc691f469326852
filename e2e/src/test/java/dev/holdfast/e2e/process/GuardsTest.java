package dev.holdfast.e2e.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.util.ResourceLeakDetectorFactory;
import java.time.Duration;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.Extension;

/** The guards of the data plane's tests are those of this module's too, without a dependency that would say so. */
class GuardsTest {
    @Test
    void leaksAndBlockedEventLoopsAreWatchedFor() {
        // Given the class path of this module's tests

        // When
        String factory = ResourceLeakDetectorFactory.instance().getClass().getName();
        List<String> extensions = ServiceLoader.load(Extension.class).stream()
                .map(extension -> extension.type().getSimpleName())
                .toList();

        // Then
        assertThat(extensions)
                .as("what JUnit finds by itself; one that cannot install what it needs fails every class")
                .contains("LeakExtension", "BlockingExtension");
        assertThat(factory)
                .as("dataplane/target/test-classes is on the class path and its extensions are registered")
                .startsWith("dev.holdfast.dataplane.guard.");
    }

    @Test
    void aBufferThatAProcessDroppedIsToldBeforeItsEnd() throws Exception {
        // Given
        JavaProcess leaky = JavaProcess.start(LeakyServer.class.getName(), List.of(), List.of());
        int port = Integer.parseInt(
                leaky.await("leaky port=(\\d+)", Duration.ofSeconds(60)).group(1));

        // When
        leaky.seekLeaks(port);

        // Then
        assertThatThrownBy(leaky::close).isInstanceOf(AssertionError.class).hasMessageContaining("LEAK: ");
    }
}

package dev.holdfast.dataplane.guard;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBufAllocator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The negative control: a buffer that nobody releases is told, one that is released is not. */
@Timeout(60)
class LeakExtensionTest {
    @Test
    void aBufferThatNobodyReleasesIsTold() throws InterruptedException {
        // Given
        LeakExtension.takeLeaks();

        // When
        forgetBuffer();

        // Then
        List<String> leaks = LeakExtension.takeLeaks();
        for (int i = 0; i < 100 && leaks.isEmpty(); i++) {
            leaks = LeakExtension.takeLeaks();
        }
        assertThat(leaks).hasSize(1).first().asString().contains("forgetBuffer");
    }

    @Test
    void aBufferThatIsReleasedIsNotTold() throws InterruptedException {
        // Given
        LeakExtension.takeLeaks();

        // When
        ByteBufAllocator.DEFAULT.directBuffer(64).release();

        // Then
        assertThat(LeakExtension.takeLeaks()).isEmpty();
    }

    private static void forgetBuffer() {
        ByteBufAllocator.DEFAULT.directBuffer(64).writeByte(1);
    }
}

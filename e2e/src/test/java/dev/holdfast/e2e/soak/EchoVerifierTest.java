package dev.holdfast.e2e.soak;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The negative control: a soak that counts nothing wrong must be able to count. */
class EchoVerifierTest {
    /** On the heap and untracked: nothing to release. */
    private static final ByteBufAllocator MEMORY = new UnpooledByteBufAllocator(false, true);

    private final Tally tally = new Tally();
    private final EchoVerifier verifier = new EchoVerifier(7, tally);

    @Test
    void whatComesBackWholeAndInOrderIsNoFault() {
        // Given
        List<ByteBuf> messages = send(120);

        // When
        messages.forEach(verifier::received);
        verifier.finish();

        // Then
        assertThat(tally.back.sum()).isEqualTo(120);
        assertThat(tally.faults().values()).containsOnly(0L);
    }

    @Test
    void aMessageThatIsMissingIsLost() {
        // Given
        List<ByteBuf> messages = send(5);

        // When
        messages.remove(2);
        messages.forEach(verifier::received);
        verifier.finish();

        // Then
        assertThat(tally.lost.sum()).isEqualTo(1);
        assertThat(tally.complaints().getFirst()).contains("1 of 5 messages did not come back");
    }

    @Test
    void messagesThatNeverComeBackAreLost() {
        // Given
        send(5);

        // When
        verifier.finish();

        // Then
        assertThat(tally.lost.sum()).isEqualTo(5);
    }

    @Test
    void aMessageThatComesTwiceIsDuplicated() {
        // Given
        List<ByteBuf> messages = send(5);

        // When
        messages.add(3, messages.get(1).duplicate());
        messages.forEach(verifier::received);
        verifier.finish();

        // Then
        assertThat(tally.duplicated.sum()).isEqualTo(1);
        assertThat(tally.lost.sum()).isZero();
    }

    @Test
    void messagesThatSwapPlacesAreReorderedAndNotLost() {
        // Given
        List<ByteBuf> messages = send(5);

        // When
        messages.add(3, messages.remove(1));
        messages.forEach(verifier::received);
        verifier.finish();

        // Then
        assertThat(tally.reordered.sum()).isEqualTo(1);
        assertThat(tally.lost.sum()).isZero();
    }

    @Test
    void oneFlippedBitAnywhereIsCorruption() {
        // Given
        ByteBuf message = new SoakMessage(7, 0).encode(MEMORY);
        verifier.next();
        int bits = message.readableBytes() * 8;

        // When
        for (int bit = 0; bit < bits; bit++) {
            ByteBuf flipped = message.copy();
            flipped.setByte(bit / 8, flipped.getByte(bit / 8) ^ 1 << bit % 8);
            verifier.received(flipped);
        }

        // Then
        assertThat(tally.corrupted.sum()).isEqualTo(bits);
        assertThat(tally.back.sum()).isZero();
    }

    @Test
    void theMessageOfAnotherTunnelIsCorruption() {
        // Given
        verifier.next();

        // When
        verifier.received(new SoakMessage(8, 0).encode(MEMORY));

        // Then
        assertThat(tally.corrupted.sum()).isEqualTo(1);
    }

    private List<ByteBuf> send(int count) {
        List<ByteBuf> messages = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            messages.add(verifier.next().encode(MEMORY));
        }
        return messages;
    }
}

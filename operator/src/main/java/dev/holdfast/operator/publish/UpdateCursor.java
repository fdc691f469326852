package dev.holdfast.operator.publish;

import dev.holdfast.routetable.TableVersion;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The place of one reader: what it holds, and so what it must receive next. It keeps a digest, not a queue, so that a
 * reader costs the same however slow it is. Used by one thread.
 */
final class UpdateCursor {
    private final TablePublisher publisher;
    private @Nullable String heldDigest;
    private long sequence;

    UpdateCursor(TablePublisher publisher, @Nullable TableVersion held) {
        this.publisher = publisher;
        this.heldDigest = held == null ? null : held.digest();
    }

    /**
     * Waits for the next update. The first one comes at once if there is a table, so that a reader that resumes learns
     * whether it is current.
     *
     * @return a full table if the reader's is not known, a delta if it is, a keep-alive if it is current or if nothing
     *     changed within {@code wait}; empty if there is no table yet
     */
    Optional<EncodedUpdate> next(Duration wait) throws InterruptedException {
        Publication publication = publisher.await(sequence, wait);
        if (publication == null) {
            return Optional.empty();
        }
        EncodedUpdate update = publication.updateFor(heldDigest);
        TableVersion version = update.update().version();
        heldDigest = version.digest();
        sequence = version.sequence();
        return Optional.of(update);
    }
}

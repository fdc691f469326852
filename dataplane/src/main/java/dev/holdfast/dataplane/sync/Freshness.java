package dev.holdfast.dataplane.sync;

import java.net.ProtocolException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Tells an event that is older than what was heard before: a stream that is played once more, or an operator that was
 * replaced and still runs. Versions of one epoch are ordered by their sequence; an operator that started later has a
 * higher epoch. One of a lower epoch is believed when it holds what is served or goes on from it, as another replica
 * does, or when the one that was heard last is gone, or has been silent for a while: a clock that went back must not shut an
 * operator out for ever. Used by one thread.
 */
final class Freshness {
    private final long graceNanos;
    private final LongSupplier nanoTime;
    private boolean heardAny;
    private long epoch;
    private long sequence;
    private long heardAtNanos;

    /** Believes an older operator {@code grace} after the last word of a newer one. */
    Freshness(Duration grace, LongSupplier nanoTime) {
        this.graceNanos = grace.toNanos();
        this.nanoTime = nanoTime;
    }

    /** The epoch that a stream says it has; 0 for an operator that says none. */
    static long epoch(Optional<String> field) throws ProtocolException {
        if (field.isEmpty()) {
            return 0;
        }
        try {
            long epoch = Long.parseLong(field.get());
            if (epoch >= 0) {
                return epoch;
            }
        } catch (NumberFormatException e) {
            // Answered below, as a negative number is.
        }
        throw new ProtocolException("Holdfast-Epoch: no epoch (expected: milliseconds since 1970)");
    }

    /**
     * Why an event must not be applied; empty if it may be.
     *
     * @param continues whether it is about the table that is served, or a difference to it
     */
    Optional<String> objection(long ofEpoch, long ofSequence, boolean continues) {
        if (!heardAny || ofEpoch > epoch) {
            return Optional.empty();
        }
        if (ofEpoch == epoch) {
            return ofSequence >= sequence
                    ? Optional.empty()
                    : Optional.of("stale: sequence " + ofSequence + " of epoch " + ofEpoch + " (expected: at least "
                            + sequence + ")");
        }
        if (continues || nanoTime.getAsLong() - heardAtNanos > graceNanos) {
            return Optional.empty();
        }
        return Optional.of("stale: epoch " + ofEpoch + " (expected: at least " + epoch + ")");
    }

    /** The operator that was heard last is not there any more: nothing newer can come from it, so nobody waits for that. */
    void gone() {
        heardAtNanos = nanoTime.getAsLong() - graceNanos - 1;
    }

    /** Notes an event that was believed. */
    void heard(long ofEpoch, long ofSequence) {
        heardAny = true;
        epoch = ofEpoch;
        sequence = ofSequence;
        heardAtNanos = nanoTime.getAsLong();
    }
}

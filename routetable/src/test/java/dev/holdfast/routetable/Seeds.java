package dev.holdfast.routetable;

import java.util.Random;

/**
 * Runs a property with random seeds. A failure names its seed; {@code -Dholdfast.seed=N} runs that one alone.
 */
public final class Seeds {
    /** A property of whatever a seed generates. */
    @FunctionalInterface
    public interface Property {
        /** Fails with an {@link AssertionError} if the property does not hold. */
        void check(Random random) throws Exception;
    }

    private Seeds() {}

    /** Checks a property {@code runs} times, each with a seed of its own. */
    public static void check(int runs, Property property) {
        Long replayed = Long.getLong("holdfast.seed");
        if (replayed != null) {
            checkOne(replayed, property);
            return;
        }
        long first = new Random().nextInt();
        for (int i = 0; i < runs; i++) {
            checkOne(first + i, property);
        }
    }

    private static void checkOne(long seed, Property property) {
        try {
            property.check(new Random(seed));
        } catch (Exception | AssertionError e) {
            throw new AssertionError(
                    "seed " + seed + " (replay with -Dholdfast.seed=" + seed + "): " + e.getMessage(), e);
        }
    }
}

package dev.holdfast.operator.snapshot;

/**
 * Where objects come from. Two implementations: informers on a Kubernetes API server, and a directory of manifests.
 * Everything behind it is the same for both.
 */
public interface ObjectSource extends AutoCloseable {
    /**
     * Starts watching. Returns when the first snapshot is complete.
     *
     * @param onChange called, from any thread and possibly often, after an object that could matter changed; carries
     *     nothing, the reader takes a new {@link #snapshot()}
     * @throws InterruptedException if interrupted while waiting for the first complete state
     */
    void start(Runnable onChange) throws InterruptedException;

    /** The state now. Callable from any thread after {@link #start}. */
    ClusterSnapshot snapshot();

    /** Stops watching; no call of {@code onChange} follows. */
    @Override
    void close();
}

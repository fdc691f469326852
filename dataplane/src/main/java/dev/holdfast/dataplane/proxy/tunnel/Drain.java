package dev.holdfast.dataplane.proxy.tunnel;

import java.util.concurrent.CompletionStage;

/** A drain under way. Thread-safe. */
public interface Drain {
    /** Tunnels and upgrades that have not ended yet. */
    int remaining();

    /**
     * Completes when the last tunnel has ended and nothing else that it waits for is under way, at the latest soon after
     * the window.
     */
    CompletionStage<DrainResult> result();

    /** One of the other things that it waits for has ended. */
    void othersEnded();
}

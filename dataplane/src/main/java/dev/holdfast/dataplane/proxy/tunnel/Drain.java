package dev.holdfast.dataplane.proxy.tunnel;

import java.util.concurrent.CompletionStage;

/** A drain under way. Thread-safe. */
public interface Drain {
    /** Tunnels and upgrades that have not ended yet. */
    int remaining();

    /** Completes when the last tunnel has ended, at the latest soon after the window. */
    CompletionStage<DrainResult> result();
}

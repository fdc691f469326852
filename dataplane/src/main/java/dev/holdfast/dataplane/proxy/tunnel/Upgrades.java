package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.telemetry.ProxyMetrics;
import dev.holdfast.dataplane.proxy.upstream.BackendConnector;
import dev.holdfast.dataplane.proxy.upstream.Upstreams;

/** Carries upgrade requests to backends. Thread-safe; each upgrade lives on its client's event loop. */
public final class Upgrades {
    /** What upgrades work with. */
    public record Parts(
            Upstreams upstreams,
            BackendConnector connector,
            TunnelRegistry registry,
            ProxyMetrics metrics,
            TunnelSettings settings) {}

    private final Parts parts;

    /** Works with these parts, which the front shares. */
    public Upgrades(Parts parts) {
        this.parts = parts;
    }

    /**
     * Takes over the client's channel and carries the upgrade out, to a tunnel or to an answer. Call on the channel's
     * event loop while the request's {@code LastHttpContent} is handled, with no answer pending: every handler except
     * the {@code SslHandler} is removed, bytes that the codec still holds are kept as early bytes.
     *
     * @param table that routed it; not kept
     */
    public void begin(ActiveTable table, UpgradeRequest request) {
        new Upgrade(request, parts).begin(table);
    }
}

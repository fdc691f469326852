package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.ProxyConfig;
import java.time.Duration;

/** The ways to relay; what a tunnel does is the same on all. */
public enum Relaying {
    /** Through Netty's pipelines, to the end. */
    CHANNELS,
    /** From socket to socket as soon as the tunnel stands. */
    DIRECT;

    /** The same settings, relayed this way. */
    TunnelSettings of(TunnelSettings settings) {
        return switch (this) {
            case CHANNELS -> settings.withDirectAfter(null);
            case DIRECT -> settings.withDirectAfter(Duration.ZERO);
        };
    }

    /** The same configuration, relayed this way. */
    public ProxyConfig of(ProxyConfig config) {
        return config.withTunnels(of(config.tunnels()));
    }
}

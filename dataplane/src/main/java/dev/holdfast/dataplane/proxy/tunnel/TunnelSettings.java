package dev.holdfast.dataplane.proxy.tunnel;

import java.time.Duration;

/**
 * Settings of all tunnels.
 *
 * @param finTimeout how long a side is waited for after it was told that the tunnel ends
 * @param halfClosedTimeout without a byte, after one side ended its stream
 */
public record TunnelSettings(Duration finTimeout, Duration halfClosedTimeout) {
    /** 5 s and 30 s. */
    public static final TunnelSettings DEFAULT = new TunnelSettings(Duration.ofSeconds(5), Duration.ofSeconds(30));
}

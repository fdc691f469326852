package dev.holdfast.dataplane.proxy;

import java.time.Duration;

/**
 * How many backend connections wait for the next request.
 *
 * @param idlePerEndpointMax on one event loop
 * @param idleMax of all endpoints, on one event loop
 * @param idleTimeout how long one waits
 */
public record PoolLimits(int idlePerEndpointMax, int idleMax, Duration idleTimeout) {
    /** 128 per endpoint, 1,024 in all, 30 s. */
    public static final PoolLimits DEFAULT = new PoolLimits(128, 1_024, Duration.ofSeconds(30));

    /** Refuses negative numbers. */
    public PoolLimits {
        if (idlePerEndpointMax < 0 || idleMax < 0 || idleTimeout.isNegative()) {
            throw new IllegalArgumentException("proxy.pool: " + idlePerEndpointMax + ", " + idleMax + ", " + idleTimeout
                    + " (expected: nothing negative)");
        }
    }
}

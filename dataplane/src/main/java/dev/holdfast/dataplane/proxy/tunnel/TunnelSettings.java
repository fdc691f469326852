package dev.holdfast.dataplane.proxy.tunnel;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Settings of all tunnels.
 *
 * @param finTimeout how long a side is waited for after it was told that the tunnel ends
 * @param halfClosedTimeout without a byte, after one side ended its stream
 * @param directAfter how long a tunnel of two plain epoll sockets is relayed through Netty's pipelines before it is
 *     relayed from socket to socket ({@link DirectRelay}), which costs no system call and less at its end; zero for at
 *     once, null for never
 */
public record TunnelSettings(
        Duration finTimeout,
        Duration halfClosedTimeout,
        @Nullable Duration directAfter) {
    /** 5 s, 30 s, at once. */
    public static final TunnelSettings DEFAULT =
            new TunnelSettings(Duration.ofSeconds(5), Duration.ofSeconds(30), Duration.ZERO);

    /** The same with another way into direct relay. */
    public TunnelSettings withDirectAfter(@Nullable Duration age) {
        return new TunnelSettings(finTimeout, halfClosedTimeout, age);
    }
}

package dev.holdfast.dataplane;

import dev.holdfast.dataplane.proxy.HttpLimits;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.proxy.overload.OverloadLimits;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that bound what clients may take: {@code docs/reliability.md} tells what happens at each. */
@SuppressWarnings("NullAway.Init")
final class LimitOptions {
    @Option(
            names = "--connections-max",
            paramLabel = "N",
            description = "Client connections that speak HTTP, 503 beyond (default: half of the open files).")
    private @Nullable Integer connectionsMax;

    @Option(
            names = "--tunnels-max",
            paramLabel = "N",
            description = "Tunnels and upgrades, 503 beyond (default: half of the open files).")
    private @Nullable Integer tunnelsMax;

    @Option(
            names = "--direct-memory-max",
            paramLabel = "BYTES",
            description = "Buffer memory from which on new work is answered 503 (default: 70 %% of the JVM's).")
    private @Nullable Long directMemoryBytesMax;

    @Option(
            names = "--head-timeout",
            defaultValue = "PT10S",
            paramLabel = "DURATION",
            description = "For a request head, and for a TLS handshake, to be complete (default: ${DEFAULT-VALUE}).")
    private Duration headTimeout;

    @Option(
            names = "--body-grace",
            defaultValue = "PT20S",
            paramLabel = "DURATION",
            description = "How long a request body may be slower than 100 bytes a second (default: ${DEFAULT-VALUE}).")
    private Duration bodyGrace;

    @Option(
            names = "--answer-timeout",
            defaultValue = "PT1M",
            paramLabel = "DURATION",
            description = "How long a client may leave an answer untaken (default: ${DEFAULT-VALUE}).")
    private Duration answerTimeout;

    @Option(
            names = "--silent-peer-timeout",
            defaultValue = "PT2M",
            paramLabel = "DURATION",
            description = "Within which a peer that is gone without a word is noticed (default: ${DEFAULT-VALUE}).")
    private Duration silentPeerTimeout;

    ProxyConfig applyTo(ProxyConfig config) {
        OverloadLimits own = config.overload();
        return config.withOverload(new OverloadLimits(
                        connectionsMax == null ? own.connectionsMax() : connectionsMax,
                        tunnelsMax == null ? own.tunnelsMax() : tunnelsMax,
                        directMemoryBytesMax == null ? own.directMemoryBytesMax() : directMemoryBytesMax))
                .withLimits(HttpLimits.DEFAULT.withTimeouts(
                        positive("--head-timeout", headTimeout),
                        positive("--body-grace", bodyGrace),
                        positive("--answer-timeout", answerTimeout)))
                .withKeepAlive(KeepAlive.within(silentPeerTimeout));
    }

    /** The configuration counts milliseconds; here it is said as it was typed. */
    private static Duration positive(String option, Duration value) {
        if (value.compareTo(Duration.ofMillis(1)) < 0) {
            throw new IllegalArgumentException(option + ": " + value + " (expected: at least PT0.001S)");
        }
        return value;
    }
}

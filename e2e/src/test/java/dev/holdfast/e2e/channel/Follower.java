package dev.holdfast.e2e.channel;

import dev.holdfast.dataplane.DataPlane;
import dev.holdfast.dataplane.DataPlaneConfig;
import dev.holdfast.dataplane.DrainConfig;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.sync.SyncConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A data plane in this process that follows an operator of a test, and is back soon when the stream was lost. */
final class Follower {
    private Follower() {}

    /** Not started; keeps its table below {@code work}, and listens on ports of loopback that are free. */
    static DataPlane of(URI operator, Path work) throws IOException {
        InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        return new DataPlane(
                new DataPlaneConfig(
                        "proxy-a",
                        new SyncConfig(
                                operator,
                                work.resolve("state"),
                                Duration.ofSeconds(15),
                                Duration.ofMillis(5),
                                Duration.ofMillis(50)),
                        anyPort,
                        ProxyConfig.of(anyPort, anyPort),
                        DrainConfig.DEFAULT),
                List.of());
    }
}

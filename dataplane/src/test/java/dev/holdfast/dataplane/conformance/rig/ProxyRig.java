package dev.holdfast.dataplane.conformance.rig;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.proxy.ProxyServer;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/** A running proxy on loopback, plain and TLS, on free ports. */
public final class ProxyRig implements Front, AutoCloseable {
    private static final AtomicLong SEQUENCE = new AtomicLong();

    private final ActiveRoutes routes = new ActiveRoutes();
    private final ProxyServer server;

    private ProxyRig(ProxyConfig config) throws IOException {
        server = new ProxyServer(config, routes, new SimpleMeterRegistry(), List.of());
        server.start();
    }

    /** Starts with the defaults. */
    public static ProxyRig start() {
        return start(config -> config);
    }

    /** Starts with changes to the defaults. */
    public static ProxyRig start(UnaryOperator<ProxyConfig> changes) {
        InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        return startWith(changes.apply(ProxyConfig.of(loopback, loopback)));
    }

    /** Starts with exactly this. */
    public static ProxyRig startWith(ProxyConfig config) {
        try {
            ProxyRig rig = new ProxyRig(config);
            rig.serve(RouteTable.EMPTY);
            return rig;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Serves a table from now on. */
    public void serve(RouteTable table) {
        long sequence = SEQUENCE.incrementAndGet();
        routes.swap(new TableVersion(sequence, String.format("%064x", sequence)), table);
    }

    /** Serves every path of the host {@code app.test} from one backend. */
    public void serve(ScriptedBackend backend) {
        serve(Tables.host("app.test", backend));
    }

    @Override
    public RawClient client() throws IOException {
        return RawClient.plain(httpPort());
    }

    /** The port without TLS. */
    public int httpPort() {
        return server.httpPort();
    }

    /** The port with TLS. */
    public int httpsPort() {
        return server.httpsPort();
    }

    @Override
    public void close() {
        server.close();
    }
}

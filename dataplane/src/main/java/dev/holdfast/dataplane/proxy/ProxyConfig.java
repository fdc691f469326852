package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.forwarded.Cidr;
import dev.holdfast.dataplane.proxy.overload.OverloadLimits;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import dev.holdfast.dataplane.proxy.tunnel.TunnelSettings;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Everything that the proxy is told at its start.
 *
 * @param http where plain connections are accepted; null for nowhere, port 0 takes any free one
 * @param https where TLS connections are accepted; null for nowhere, port 0 takes any free one
 * @param redirectPort the port of {@code https} URLs as clients know it; 0 takes the port that is bound
 * @param eventLoops threads that serve traffic
 * @param transport how sockets are driven
 * @param zone the zone this process runs in, for endpoints that prefer it; null when unknown
 * @param trustedProxies peers whose {@code X-Forwarded-*} and {@code Forwarded} fields are believed
 * @param proxyProtocolFrom peers that begin each connection with a PROXY header, which names the client
 * @param overload where new work is refused
 * @param keepAlive how peers that are gone are noticed, clients and backends
 */
public record ProxyConfig(
        @Nullable InetSocketAddress http,
        @Nullable InetSocketAddress https,
        int redirectPort,
        int eventLoops,
        Transport transport,
        @Nullable String zone,
        List<Cidr> trustedProxies,
        List<Cidr> proxyProtocolFrom,
        HttpLimits limits,
        PoolLimits pool,
        TunnelSettings tunnels,
        OverloadLimits overload,
        KeepAlive keepAlive) {
    /** How sockets are driven. */
    public enum Transport {
        /** The native transport of the platform if a connection through it succeeds, else {@link #NIO}. */
        NATIVE,
        /** The JDK's. */
        NIO
    }

    /** Copies the lists; refuses numbers outside their range and a proxy without listener. */
    public ProxyConfig {
        trustedProxies = List.copyOf(trustedProxies);
        proxyProtocolFrom = List.copyOf(proxyProtocolFrom);
        if (http == null && https == null) {
            throw new IllegalArgumentException("proxy.http, proxy.https: none (expected: at least one address)");
        }
        if (redirectPort < 0 || redirectPort > 65_535) {
            throw new IllegalArgumentException("proxy.redirectPort: " + redirectPort + " (expected: 0 to 65535)");
        }
        if (eventLoops < 1 || eventLoops > 1024) {
            throw new IllegalArgumentException("proxy.eventLoops: " + eventLoops + " (expected: 1 to 1024)");
        }
    }

    /** The defaults behind two addresses: a loop per core, nobody trusted. */
    public static ProxyConfig of(@Nullable InetSocketAddress http, @Nullable InetSocketAddress https) {
        return new ProxyConfig(
                http,
                https,
                0,
                Math.max(1, Runtime.getRuntime().availableProcessors()),
                Transport.NATIVE,
                null,
                List.of(),
                List.of(),
                HttpLimits.DEFAULT,
                PoolLimits.DEFAULT,
                TunnelSettings.DEFAULT,
                OverloadLimits.ofThisProcess(),
                KeepAlive.DEFAULT);
    }

    /** The same with another external port of {@code https}. */
    public ProxyConfig withRedirectPort(int port) {
        return with(draft -> draft.redirectPort = port);
    }

    /** The same with other threads. */
    public ProxyConfig withEventLoops(int loops) {
        return with(draft -> draft.eventLoops = loops);
    }

    /** The same with another transport. */
    public ProxyConfig withTransport(Transport other) {
        return with(draft -> draft.transport = other);
    }

    /** The same in another zone. */
    public ProxyConfig withZone(@Nullable String other) {
        return with(draft -> draft.zone = other);
    }

    /** The same with other trusted peers. */
    public ProxyConfig withTrustedProxies(List<Cidr> proxies) {
        return with(draft -> draft.trustedProxies = proxies);
    }

    /** The same with other peers that speak the PROXY protocol. */
    public ProxyConfig withProxyProtocolFrom(List<Cidr> peers) {
        return with(draft -> draft.proxyProtocolFrom = peers);
    }

    /** The same with other limits of requests. */
    public ProxyConfig withLimits(HttpLimits other) {
        return with(draft -> draft.limits = other);
    }

    /** The same with another pool. */
    public ProxyConfig withPool(PoolLimits other) {
        return with(draft -> draft.pool = other);
    }

    /** The same with other tunnels. */
    public ProxyConfig withTunnels(TunnelSettings other) {
        return with(draft -> draft.tunnels = other);
    }

    /** The same with other limits of the whole. */
    public ProxyConfig withOverload(OverloadLimits other) {
        return with(draft -> draft.overload = other);
    }

    /** The same with another way to notice that peers are gone. */
    public ProxyConfig withKeepAlive(KeepAlive other) {
        return with(draft -> draft.keepAlive = other);
    }

    private ProxyConfig with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.finished();
    }

    /** A copy that one component is changed of. */
    private static final class Draft {
        private @Nullable InetSocketAddress http;
        private @Nullable InetSocketAddress https;
        private int redirectPort;
        private int eventLoops;
        private Transport transport;
        private @Nullable String zone;
        private List<Cidr> trustedProxies;
        private List<Cidr> proxyProtocolFrom;
        private HttpLimits limits;
        private PoolLimits pool;
        private TunnelSettings tunnels;
        private OverloadLimits overload;
        private KeepAlive keepAlive;

        Draft(ProxyConfig config) {
            this.http = config.http;
            this.https = config.https;
            this.redirectPort = config.redirectPort;
            this.eventLoops = config.eventLoops;
            this.transport = config.transport;
            this.zone = config.zone;
            this.trustedProxies = config.trustedProxies;
            this.proxyProtocolFrom = config.proxyProtocolFrom;
            this.limits = config.limits;
            this.pool = config.pool;
            this.tunnels = config.tunnels;
            this.overload = config.overload;
            this.keepAlive = config.keepAlive;
        }

        ProxyConfig finished() {
            return new ProxyConfig(
                    http,
                    https,
                    redirectPort,
                    eventLoops,
                    transport,
                    zone,
                    trustedProxies,
                    proxyProtocolFrom,
                    limits,
                    pool,
                    tunnels,
                    overload,
                    keepAlive);
        }
    }
}

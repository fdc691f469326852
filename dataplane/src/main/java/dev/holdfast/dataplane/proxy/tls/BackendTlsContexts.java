package dev.holdfast.dataplane.proxy.tls;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.upstream.BackendTlsHandlers;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.Upstream;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * TLS towards backends: one context per set of authorities, a handler per connection that sends the server name and
 * checks it (RFC 9525) unless the upstream skips verification. Thread-safe.
 */
public final class BackendTlsContexts implements BackendTlsHandlers, ActiveRoutes.Participant {
    private static final int CONTEXTS_MAX = 1_000;

    private record Key(
            BackendTls.Verification verification, @Nullable String caPem) {}

    // The engine of the JDK checks names itself and leaves nothing to release; backends see few handshakes.
    private final Map<Key, SslContext> contexts = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, SslContext> eldest) {
            return size() > CONTEXTS_MAX;
        }
    };

    /**
     * The context of an upstream, built if it is new.
     *
     * @throws IllegalArgumentException if the authorities are no certificates
     */
    SslContext context(BackendTls tls) {
        Key key = new Key(tls.verification(), tls.caPem());
        synchronized (contexts) {
            SslContext known = contexts.get(key);
            if (known == null) {
                known = build(key);
                contexts.put(key, known);
            }
            return known;
        }
    }

    /** Builds what a table needs off the event loop, and refuses authorities that cannot be read. */
    @Override
    public ActiveRoutes.Prepared prepare(ActiveTable next) {
        for (Upstream upstream : next.table().upstreams().values()) {
            BackendTls tls = upstream.tls();
            if (tls != null) {
                context(tls);
            }
        }
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {}

            @Override
            public void discard() {}
        };
    }

    @Override
    public SslHandler newHandler(
            Upstream upstream, String hostSeenByBackend, InetSocketAddress peer, ByteBufAllocator alloc) {
        BackendTls tls = upstream.tls();
        if (tls == null) {
            throw new IllegalArgumentException("upstream " + upstream.id() + ": without TLS (expected: with)");
        }
        String name = tls.serverName() != null ? tls.serverName() : hostWithoutPort(hostSeenByBackend);
        SSLEngine engine = context(tls).newEngine(alloc, name, peer.getPort());
        SSLParameters parameters = engine.getSSLParameters();
        SNIHostName sent = sniName(name);
        if (sent != null) {
            parameters.setServerNames(List.of(sent));
        } else if (tls.verification() == BackendTls.Verification.VERIFY && !isAddress(name)) {
            throw new IllegalArgumentException(
                    "server name: " + name + " (expected: a DNS name or an address, for it is verified)");
        }
        parameters.setEndpointIdentificationAlgorithm(
                tls.verification() == BackendTls.Verification.VERIFY ? "HTTPS" : null);
        engine.setSSLParameters(parameters);
        return new SslHandler(engine);
    }

    private static SslContext build(Key key) {
        SslContextBuilder builder = SslContextBuilder.forClient()
                .sslProvider(SslProvider.JDK)
                .protocols("TLSv1.3", "TLSv1.2")
                .endpointIdentificationAlgorithm(null);
        if (key.verification() == BackendTls.Verification.SKIP) {
            builder.trustManager(InsecureTrustManagerFactory.INSTANCE);
        } else if (key.caPem() != null) {
            builder.trustManager(PemKeys.chain("backendTls.caPem", key.caPem()));
        }
        try {
            return builder.build();
        } catch (SSLException e) {
            throw new IllegalArgumentException("backendTls: " + e.getMessage() + " (expected: usable authorities)", e);
        }
    }

    static String hostWithoutPort(String host) {
        if (host.startsWith("[")) {
            int end = host.indexOf(']');
            return end < 0 ? host : host.substring(1, end);
        }
        int colon = host.indexOf(':');
        return colon < 0 ? host : host.substring(0, colon);
    }

    /** What is sent of a name: nothing of an address (RFC 6066 §3), nor of what DNS could not hold. */
    private static @Nullable SNIHostName sniName(String name) {
        if (isAddress(name)) {
            return null;
        }
        try {
            return new SNIHostName(name.endsWith(".") ? name.substring(0, name.length() - 1) : name);
        } catch (IllegalArgumentException e) {
            // A Host may have an underscore, for instance.
            return null;
        }
    }

    private static boolean isAddress(String name) {
        return name.matches("[0-9.]+") || name.indexOf(':') >= 0;
    }
}

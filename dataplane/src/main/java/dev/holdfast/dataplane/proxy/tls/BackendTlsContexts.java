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
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS towards backends: one context per set of authorities, a handler per connection that sends the server name and
 * checks it (RFC 9525) unless the upstream skips verification. Authorities are read for the table that names them, before
 * it is served, and kept across swaps while a table does; event loops only look them up. Thread-safe.
 */
public final class BackendTlsContexts implements BackendTlsHandlers, ActiveRoutes.Participant {
    private static final Logger LOG = LoggerFactory.getLogger(BackendTlsContexts.class);

    private record Key(
            BackendTls.Verification verification, @Nullable String caPem) implements Comparable<Key> {
        /** For maps, where tenants' authorities may collide. */
        private static final Comparator<Key> ORDER = Comparator.comparing(Key::verification)
                .thenComparing(Key::caPem, Comparator.nullsFirst(Comparator.naturalOrder()));

        static Key of(BackendTls tls) {
            return new Key(tls.verification(), tls.caPem());
        }

        @Override
        public int compareTo(Key other) {
            return ORDER.compare(this, other);
        }
    }

    /** What became of a set of authorities. */
    private sealed interface Built {
        record Usable(SslContext context) implements Built {}

        record Unusable(String why) implements Built {}
    }

    private final Function<BackendTls, SslContext> builder;

    /** Of the newest table; never changed once it is here. */
    private volatile Map<Key, Built> contexts = Map.of();

    /** Has no context before the first table. */
    public BackendTlsContexts() {
        this(BackendTlsContexts::build);
    }

    BackendTlsContexts(Function<BackendTls, SslContext> builder) {
        this.builder = builder;
    }

    /** Builds only for a request of a table before, whose authorities the newest no longer has. */
    private SslContext context(BackendTls tls) {
        Built built = contexts.get(Key.of(tls));
        if (built == null) {
            return builder.apply(tls);
        }
        return switch (built) {
            case Built.Usable usable -> usable.context();
            case Built.Unusable unusable -> throw new IllegalArgumentException(unusable.why());
        };
    }

    /**
     * Builds what is new. Authorities that cannot be read cost only the upstreams that name them, whose connections fail,
     * for a table that is refused would cost everybody.
     */
    @Override
    public ActiveRoutes.Prepared prepare(ActiveTable next) {
        Map<Key, Built> before = contexts;
        Map<Key, Built> all = new HashMap<>();
        for (Upstream upstream : next.table().upstreams().values()) {
            BackendTls tls = upstream.tls();
            if (tls != null) {
                all.computeIfAbsent(Key.of(tls), key -> {
                    Built known = before.get(key);
                    return known == null ? load(upstream.id(), tls) : known;
                });
            }
        }
        // The engine of the JDK checks names itself and leaves nothing to release; backends see few handshakes.
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                contexts = all;
            }

            @Override
            public void discard() {}
        };
    }

    /** What cannot be read is told once, without a stack trace, and not tried again while a table has it. */
    private Built load(String upstream, BackendTls tls) {
        try {
            return new Built.Usable(builder.apply(tls));
        } catch (RuntimeException e) {
            LOG.error("authorities of a backend not loaded upstream={} because=\"{}\"", upstream, e.getMessage());
            return new Built.Unusable(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public SslHandler newHandler(
            Upstream upstream, String hostSeenByBackend, InetSocketAddress peer, ByteBufAllocator alloc) {
        BackendTls tls = upstream.tls();
        if (tls == null) {
            throw new IllegalArgumentException("upstream " + upstream.id() + ": without TLS (expected: with)");
        }
        String name = tls.serverName() != null ? tls.serverName() : BackendTlsHandlers.serverName(hostSeenByBackend);
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

    static SslContext build(BackendTls tls) {
        SslContextBuilder builder = SslContextBuilder.forClient()
                .sslProvider(SslProvider.JDK)
                .protocols("TLSv1.3", "TLSv1.2")
                .endpointIdentificationAlgorithm(null);
        if (tls.verification() == BackendTls.Verification.SKIP) {
            builder.trustManager(InsecureTrustManagerFactory.INSTANCE);
        } else if (tls.caPem() != null) {
            builder.trustManager(PemKeys.chain("backendTls.caPem", tls.caPem()));
        }
        try {
            return builder.build();
        } catch (SSLException e) {
            throw new IllegalArgumentException("backendTls: " + e.getMessage() + " (expected: usable authorities)", e);
        }
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

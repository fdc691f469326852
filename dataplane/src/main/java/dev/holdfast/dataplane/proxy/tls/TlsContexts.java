package dev.holdfast.dataplane.proxy.tls;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.util.IllegalReferenceCountException;
import io.netty.util.ReferenceCountUtil;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLException;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server side of TLS: a context per certificate, chosen by SNI from an immutable snapshot. A context is kept across
 * swaps while its certificate is the same, and released with the last table that uses it; engines hold their own
 * reference, so a swap touches no open connection. Thread-safe.
 */
public final class TlsContexts implements ActiveRoutes.Participant, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TlsContexts.class);

    private static final SslProvider PROVIDER = OpenSsl.isAvailable() ? SslProvider.OPENSSL_REFCNT : SslProvider.JDK;

    /** No client is asked for a certificate. Without this the platform's authorities are read and kept in memory. */
    private static final X509TrustManager NO_CLIENTS = new X509TrustManager() {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String method) throws CertificateException {
            throw new CertificateException("client certificates are not asked for");
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String method) throws CertificateException {
            throw new CertificateException("this side is the server");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    };

    private record Entry(Certificate certificate, SslContext context, long notAfterSeconds) {}

    /**
     * What is served from.
     *
     * @param entries by the certificate's id; without one, the default certificate is presented
     * @param unusable what the table has and could not be loaded; the entry of such an id is that of its last certificate
     */
    private record Snapshot(
            @Nullable ActiveTable table, Map<String, Entry> entries, Map<String, Certificate> unusable) {}

    private final SslContext fallback;
    private final SslProvider provider;
    private final MeterRegistry registry;
    private final Map<String, Gauge> expiries = new HashMap<>();
    private volatile Snapshot snapshot = new Snapshot(null, Map.of(), Map.of());
    private volatile boolean closed;

    /** Makes the default certificate; tells {@code registry} when the others end. */
    public TlsContexts(MeterRegistry registry) {
        this(registry, PROVIDER);
    }

    TlsContexts(MeterRegistry registry, SslProvider provider) {
        this.registry = registry;
        this.provider = provider;
        DefaultCertificate made = DefaultCertificate.generate();
        this.fallback = build("default certificate", made.key(), made.certificate());
        Gauge.builder(
                        "holdfast.certificates.unusable",
                        this,
                        contexts -> contexts.snapshot.unusable().size())
                .description(
                        "Certificates of the active table that cannot be loaded; their hosts present the one before"
                                + " or the default one")
                .register(registry);
    }

    /**
     * A handler for a connection whose client named {@code sni}.
     *
     * @throws IllegalStateException if all is released already
     */
    SslHandler newHandler(@Nullable String sni, ByteBufAllocator alloc) {
        while (true) {
            SslContext context = find(snapshot, sni);
            try {
                ReferenceCountUtil.retain(context);
            } catch (IllegalReferenceCountException e) {
                if (closed) {
                    throw new IllegalStateException("TLS: closed (expected: no handshake after the end)", e);
                }
                // Released by a swap between both lines: the next look finds its successor.
                Thread.onSpinWait();
                continue;
            }
            try {
                return context.newHandler(alloc);
            } finally {
                ReferenceCountUtil.release(context);
            }
        }
    }

    private SslContext find(Snapshot current, @Nullable String sni) {
        ActiveTable table = current.table();
        if (table == null || sni == null) {
            return fallback;
        }
        VirtualHost host = table.index().host(sni);
        String id = host == null ? null : host.certificate();
        Entry entry = id == null ? null : current.entries().get(id);
        return entry == null ? fallback : entry.context();
    }

    /**
     * Builds the contexts of what is new. A certificate that cannot be loaded costs only itself, for a table that is
     * refused would cost everybody: its host keeps the one before, or gets the default one. Netty keeps to itself what
     * BoringSSL alone cannot load, until handshakes of that host fail; the operator knows its limits.
     */
    @Override
    public ActiveRoutes.Prepared prepare(ActiveTable next) {
        Snapshot before = snapshot;
        Map<String, Entry> entries = new HashMap<>();
        Map<String, Certificate> unusable = new HashMap<>();
        List<Entry> built = new ArrayList<>();
        try {
            for (Certificate certificate : next.table().certificates().values()) {
                String id = certificate.id();
                Entry known = before.entries().get(id);
                boolean isCurrent = known != null && known.certificate().equals(certificate);
                boolean isTried = certificate.equals(before.unusable().get(id));
                Entry loaded = isCurrent || isTried ? null : load(certificate, known);
                if (loaded != null) {
                    built.add(loaded);
                } else if (!isCurrent) {
                    unusable.put(id, certificate);
                }
                Entry serving = loaded == null ? known : loaded;
                if (serving != null) {
                    entries.put(id, serving);
                }
            }
        } catch (Error e) {
            built.forEach(TlsContexts::release);
            throw e;
        }
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                TlsContexts.this.adopt(new Snapshot(next, entries, unusable), built);
            }

            @Override
            public void discard() {
                built.forEach(TlsContexts::release);
            }
        };
    }

    /** Null if it cannot be loaded, which is told without a stack trace: the message holds nothing of the key. */
    private @Nullable Entry load(Certificate certificate, @Nullable Entry before) {
        try {
            return build(certificate);
        } catch (RuntimeException e) {
            LOG.error(
                    "certificate not loaded id={} serves=\"{}\" because=\"{}\"",
                    certificate.id(),
                    before == null ? "default certificate" : "the one before",
                    e.getMessage());
            return null;
        }
    }

    /** Behind {@link #close()}, which gave up what a table shares with the one before, it owns only what it built. */
    private synchronized void adopt(Snapshot next, List<Entry> built) {
        if (closed) {
            built.forEach(TlsContexts::release);
            return;
        }
        Map<String, Entry> before = snapshot.entries();
        snapshot = next;
        publishExpiries(before.keySet(), next.entries().keySet());
        before.forEach((id, old) -> {
            Entry current = next.entries().get(id);
            if (current == null || !isSame(current, old)) {
                release(old);
            }
        });
    }

    /** Swaps are made one after the other, so this is. */
    private void publishExpiries(Set<String> before, Set<String> now) {
        for (String id : before) {
            Gauge gone = now.contains(id) ? null : expiries.remove(id);
            if (gone != null) {
                registry.remove(gone);
            }
        }
        for (String id : now) {
            expiries.computeIfAbsent(id, this::expiry);
        }
    }

    private Gauge expiry(String id) {
        int slash = id.indexOf('/');
        return Gauge.builder("holdfast.certificate.expiry.timestamp", this, contexts -> contexts.notAfterSeconds(id))
                .description("When the certificate ends that a Secret holds, seconds since 1970")
                .tag("namespace", id.substring(0, Math.max(slash, 0)))
                .tag("secret", id.substring(slash + 1))
                .register(registry);
    }

    private double notAfterSeconds(String id) {
        Entry entry = snapshot.entries().get(id);
        return entry == null ? Double.NaN : entry.notAfterSeconds();
    }

    /** Releases every context; connections that are open keep theirs. No later swap is served. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        Snapshot last = snapshot;
        snapshot = new Snapshot(null, Map.of(), Map.of());
        last.entries().values().forEach(TlsContexts::release);
        ReferenceCountUtil.release(fallback);
    }

    @SuppressWarnings("ReferenceEquality")
    private static boolean isSame(Entry one, Entry other) {
        return one.context() == other.context();
    }

    private static void release(Entry entry) {
        ReferenceCountUtil.release(entry.context());
    }

    private Entry build(Certificate certificate) {
        String name = "certificate " + certificate.id();
        X509Certificate[] chain = IssuerOrder.of(PemKeys.chain(name + ".chainPem", certificate.chainPem()));
        SslContext context = build(name, PemKeys.key(name + ".keyPem", certificate.keyPem()), chain);
        return new Entry(certificate, context, chain[0].getNotAfter().getTime() / 1_000);
    }

    private SslContext build(String name, PrivateKey key, X509Certificate... chain) {
        try {
            return SslContextBuilder.forServer(key, chain)
                    .trustManager(NO_CLIENTS)
                    .sslProvider(provider)
                    .protocols("TLSv1.3", "TLSv1.2")
                    .applicationProtocolConfig(new ApplicationProtocolConfig(
                            ApplicationProtocolConfig.Protocol.ALPN,
                            ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                            ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                            ApplicationProtocolNames.HTTP_1_1))
                    .build();
        } catch (SSLException | RuntimeException e) {
            // Netty says where it failed; why is in the cause.
            Throwable cause = e.getCause();
            String why = cause == null ? e.getMessage() : e.getMessage() + ": " + cause.getMessage();
            throw new IllegalArgumentException(
                    name + ": " + why + " (expected: a certificate and the key that belongs to it)", e);
        }
    }
}

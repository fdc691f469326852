package dev.holdfast.operator.channel;

import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/**
 * The certificate that this replica shows, in memory only. It is looked up at each handshake, so that a new one needs no
 * new listener and touches no open stream. Thread-safe.
 */
final class LeafKeys extends X509ExtendedKeyManager {
    /** A session that is resumed shows no certificate; after this long none is. */
    private static final Duration RESUMED_MAX = Duration.ofHours(1);

    private static final String EC = "EC";

    private record Leaf(String alias, KeyedCertificate own, X509Certificate issuer, Instant renewAt) {}

    private final List<String> dnsNames;
    private final Duration validity;
    private volatile @Nullable Leaf leaf;
    private volatile @Nullable Leaf before;
    private int count;

    LeafKeys(List<String> dnsNames, Duration validity) {
        this.dnsNames = dnsNames;
        this.validity = validity;
    }

    /** A context whose handshakes fail as long as there is no certificate. */
    SSLContext context() {
        try {
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(new KeyManager[] {this}, null, null);
            context.getServerSessionContext().setSessionTimeout((int) RESUMED_MAX.toSeconds());
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK has no TLS 1.3", e);
        }
    }

    /** Makes a new certificate if the CA is another one or half of the old one's life is over. Returns whether it did. */
    synchronized boolean renew(KeyedCertificate authority, Instant now) {
        Leaf old = leaf;
        if (old != null && old.issuer.equals(authority.certificate()) && now.isBefore(old.renewAt)) {
            return false;
        }
        KeyedCertificate made = authority.leaf(dnsNames, now, validity);
        before = old;
        leaf = new Leaf(
                "leaf-" + count++,
                made,
                authority.certificate(),
                now.plus(Duration.between(now, made.notAfter()).dividedBy(2)));
        return true;
    }

    /** When the certificate ends; empty if there is none yet. */
    Optional<Instant> notAfter() {
        Leaf now = leaf;
        return now == null ? Optional.empty() : Optional.of(now.own.notAfter());
    }

    @Override
    public @Nullable String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
        Leaf now = leaf;
        return now == null || !keyType.equals(EC) ? null : now.alias;
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
        Leaf now = leaf;
        return now == null || !keyType.equals(EC) ? null : now.alias;
    }

    @Override
    public X509Certificate @Nullable [] getCertificateChain(String alias) {
        Leaf named = named(alias);
        return named == null ? null : new X509Certificate[] {named.own.certificate()};
    }

    @Override
    public @Nullable PrivateKey getPrivateKey(String alias) {
        Leaf named = named(alias);
        return named == null ? null : named.own.key();
    }

    /** A handshake asks for the alias first and for what belongs to it later; a renewal may come between. */
    private @Nullable Leaf named(String alias) {
        Leaf now = leaf;
        if (now != null && now.alias.equals(alias)) {
            return now;
        }
        Leaf old = before;
        return old != null && old.alias.equals(alias) ? old : null;
    }

    @Override
    public String @Nullable [] getServerAliases(String keyType, Principal[] issuers) {
        Leaf now = leaf;
        return now == null ? null : new String[] {now.alias};
    }

    @Override
    public String @Nullable [] getClientAliases(String keyType, Principal[] issuers) {
        return null;
    }

    @Override
    public @Nullable String chooseClientAlias(String[] keyType, Principal[] issuers, Socket socket) {
        return null;
    }
}

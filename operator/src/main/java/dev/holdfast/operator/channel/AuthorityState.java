package dev.holdfast.operator.channel;

import dev.holdfast.operator.channel.ChannelConfig.Lifetimes;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The CA that signs, the one that will, and those that did. A CA is published long before it signs, so that whoever
 * verifies knows it by then. Immutable; equal time and state give the same step on every replica, but for new keys.
 *
 * @param next null until two thirds of the current one's life are over
 * @param earlier still published, because what they signed may still be shown
 */
record AuthorityState(KeyedCertificate current, @Nullable KeyedCertificate next, List<X509Certificate> earlier) {
    private static final String CURRENT = "ca";
    private static final String NEXT = "next";
    private static final String EARLIER = "earlier.crt";
    private static final int EARLIER_MAX = 4;

    AuthorityState {
        earlier = List.copyOf(earlier);
    }

    static AuthorityState first(Instant now, Lifetimes lifetimes) {
        return new AuthorityState(KeyedCertificate.authority(now, lifetimes.authority()), null, List.of());
    }

    /**
     * The state that is due once those who verify were given this one's bundle.
     *
     * @return this one if nothing is due
     */
    AuthorityState step(Instant now, Lifetimes lifetimes) {
        boolean over = !now.isBefore(current.notAfter());
        if (next == null) {
            Instant due =
                    current.made().plus(lifetimes.authority().multipliedBy(2).dividedBy(3));
            if (!over && now.isBefore(due)) {
                return withoutOver(now, lifetimes);
            }
            return new AuthorityState(current, KeyedCertificate.authority(now, lifetimes.authority()), earlier);
        }
        boolean known = !now.isBefore(next.made().plus(lifetimes.overlap()));
        if (!known && !over) {
            return this;
        }
        List<X509Certificate> before = new ArrayList<>(earlier);
        before.addFirst(current.certificate());
        return new AuthorityState(next, null, before.subList(0, Math.min(before.size(), EARLIER_MAX)));
    }

    /** What an earlier CA signed is over one leaf's life after the current one was due to sign. */
    private AuthorityState withoutOver(Instant now, Lifetimes lifetimes) {
        Instant done =
                current.made().plus(lifetimes.overlap()).plus(lifetimes.leaf().multipliedBy(2));
        return earlier.isEmpty() || now.isBefore(done) ? this : new AuthorityState(current, next, List.of());
    }

    /** What those who verify must trust. */
    String bundle() {
        List<X509Certificate> all = new ArrayList<>();
        all.add(current.certificate());
        if (next != null) {
            all.add(next.certificate());
        }
        all.addAll(earlier);
        return KeyedCertificate.pem(all);
    }

    /** The content of the Secret. */
    Map<String, String> encode() {
        Map<String, String> data = new LinkedHashMap<>();
        put(data, CURRENT, current);
        if (next != null) {
            put(data, NEXT, next);
        }
        if (!earlier.isEmpty()) {
            data.put(EARLIER, KeyedCertificate.pem(earlier));
        }
        return data;
    }

    private static void put(Map<String, String> data, String name, KeyedCertificate authority) {
        data.put(name + ".crt", KeyedCertificate.pem(List.of(authority.certificate())));
        data.put(name + ".key", authority.keyPem());
    }

    /**
     * Reads the content of the Secret; empty for a Secret without any.
     *
     * @throws GeneralSecurityException if there is something else in it; the message repeats nothing of it
     */
    static Optional<AuthorityState> decode(Map<String, String> data) throws GeneralSecurityException {
        if (data.isEmpty()) {
            return Optional.empty();
        }
        KeyedCertificate current = authority(data, CURRENT);
        if (current == null) {
            throw new GeneralSecurityException("no ca.crt and ca.key");
        }
        return Optional.of(new AuthorityState(
                current, authority(data, NEXT), KeyedCertificate.parse(data.getOrDefault(EARLIER, ""))));
    }

    private static @Nullable KeyedCertificate authority(Map<String, String> data, String name)
            throws GeneralSecurityException {
        String certificate = data.get(name + ".crt");
        String key = data.get(name + ".key");
        return certificate == null || key == null ? null : KeyedCertificate.parse(certificate, key);
    }
}

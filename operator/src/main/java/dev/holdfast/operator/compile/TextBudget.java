package dev.holdfast.operator.compile;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.ValueMatch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How much of the table an object may take, and all of them together. A route carries its whole action, so a short object
 * with many hosts, matches and header changes multiplies into more than a data plane can hold; whoever is older keeps
 * what it has. Characters of the table on the wire, which are bytes but for what is not ASCII or must be escaped.
 */
final class TextBudget {
    /** For one object: some 13,000 routes without anything special. */
    static final long OBJECT_CHARS_MAX = 8L << 20;
    /** For the routes that the hosts of one object's certificates inherit: those of one host at the bound of a table. */
    static final long INHERITED_CHARS_MAX = 16L << 20;
    /** For the table, some 130,000 such routes: what a data plane of the size that is shipped reads. */
    static final long TABLE_CHARS_MAX = 80L << 20;
    /** For the server certificates and keys of all objects: some 5,000 with their intermediates. */
    static final long CERTIFICATES_CHARS_MAX = 32L << 20;

    // What stands around the texts that are counted, a little more than WireCodec writes.
    private static final int ROUTE_CHARS = 448;
    private static final int SHARE_CHARS = 32;
    private static final int CONDITION_CHARS = 40;
    private static final int HEADER_CHARS = 24;

    private final Map<ResourceRef, Long> byOwner = new HashMap<>();
    private final Map<ResourceRef, Long> inherited = new HashMap<>();
    private final Map<ResourceRef, Long> certificates = new HashMap<>();
    private long total;
    private long totalOfCertificates;

    /** Takes what routes of an object need, all of it or nothing; returns why that is too much, or null. */
    @Nullable
    String take(ResourceRef owner, long wanted) {
        return take(byOwner, OBJECT_CHARS_MAX, owner, wanted);
    }

    /** The same for the routes of another host that a host of this object's certificates serves. */
    @Nullable
    String inherit(ResourceRef owner, long wanted) {
        return take(inherited, INHERITED_CHARS_MAX, owner, wanted);
    }

    private @Nullable String take(Map<ResourceRef, Long> taken, long most, ResourceRef owner, long wanted) {
        long own = taken.getOrDefault(owner, 0L) + wanted;
        if (own > most) {
            return "the routes of this object, each with its matches, header changes and the authorities of its backends,"
                    + " need more than " + most
                    + " characters (expected: less hosts, matches, header values or authorities;"
                    + " spread them over several objects); those from here on are not served";
        }
        if (total + wanted > TABLE_CHARS_MAX) {
            return "the table has " + TABLE_CHARS_MAX + " characters of other routes already (expected: at most that"
                    + " many); those from here on are not served";
        }
        taken.put(owner, own);
        total += wanted;
        return null;
    }

    /**
     * Takes what a certificate and its key need, once for each Secret. They have a budget of their own, so that no number of
     * routes takes the certificate from a host; returns why it is too much, or null.
     */
    @Nullable
    String certificate(ResourceRef owner, Certificate certificate) {
        long wanted =
                (long) certificate.chainPem().length() + certificate.keyPem().length();
        long own = certificates.getOrDefault(owner, 0L) + wanted;
        if (own > OBJECT_CHARS_MAX) {
            return "the certificates of this object need more than " + OBJECT_CHARS_MAX
                    + " characters (expected: shorter chains; spread the hosts over several objects)";
        }
        if (totalOfCertificates + wanted > CERTIFICATES_CHARS_MAX) {
            return "the table has " + CERTIFICATES_CHARS_MAX
                    + " characters of other certificates already (expected: at most that many)";
        }
        certificates.put(owner, own);
        totalOfCertificates += wanted;
        return null;
    }

    /** What the authorities of an upstream need; they travel with each upstream that trusts them. */
    static long chars(Upstream upstream) {
        BackendTls tls = upstream.tls();
        return tls == null || tls.caPem() == null ? 0 : tls.caPem().length();
    }

    /** What a route needs: its id repeats owner and host, and a host is counted with each of its routes. */
    static long chars(ResourceRef owner, HostPattern host, RouteMatch match, RouteAction action) {
        int names = owner.kind().length()
                + owner.namespace().length()
                + owner.name().length()
                + host.value().length();
        return ROUTE_CHARS + 2L * names + chars(match) + chars(action);
    }

    private static long chars(RouteMatch match) {
        long chars = match.path().value().length()
                + charsOfConditions(match.headers())
                + charsOfConditions(match.queryParams());
        for (String subprotocol : match.subprotocols()) {
            chars += HEADER_CHARS + subprotocol.length();
        }
        return chars;
    }

    private static long charsOfConditions(List<ValueMatch> conditions) {
        long chars = 0;
        for (ValueMatch condition : conditions) {
            chars += CONDITION_CHARS
                    + condition.name().length()
                    + condition.value().length();
        }
        return chars;
    }

    private static long chars(RouteAction action) {
        return switch (action) {
            case RouteAction.Reject reject -> reject.reason().length();
            case RouteAction.Forward forward ->
                charsOfShares(forward.upstreams())
                        + chars(forward.rewrite())
                        + chars(forward.requestHeaders())
                        + chars(forward.responseHeaders());
        };
    }

    private static long charsOfShares(List<RouteAction.WeightedUpstream> shares) {
        long chars = 0;
        for (RouteAction.WeightedUpstream share : shares) {
            chars += SHARE_CHARS + share.upstream().length();
        }
        return chars;
    }

    private static long chars(Rewrite rewrite) {
        String host = rewrite.host();
        long path = switch (rewrite.path()) {
            case Rewrite.Keep keep -> 0;
            case Rewrite.ReplacePrefix replacement -> replacement.prefix().length();
            case Rewrite.ReplaceFull replacement -> replacement.path().length();
        };
        return path + (host == null ? 0 : host.length());
    }

    private static long chars(HeaderChanges changes) {
        long chars = charsOfHeaders(changes.set()) + charsOfHeaders(changes.add());
        for (String name : changes.remove()) {
            chars += HEADER_CHARS + name.length();
        }
        return chars;
    }

    private static long charsOfHeaders(List<HeaderChanges.Header> headers) {
        long chars = 0;
        for (HeaderChanges.Header header : headers) {
            chars += HEADER_CHARS + header.name().length() + header.value().length();
        }
        return chars;
    }
}

package dev.holdfast.operator.compile;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
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
    /**
     * For the table, some 70,000 such routes: with {@link #CERTIFICATES_CHARS_MAX}, what an operator of the size that is
     * shipped compiles, and what a data plane takes in while it serves another as large (docs/reliability.md).
     */
    static final long TABLE_CHARS_MAX = 40L << 20;
    /** For the server certificates and keys of all objects: some 2,500 with two intermediates each, twice that with none. */
    static final long CERTIFICATES_CHARS_MAX = 16L << 20;

    /** What a data plane keeps of each instruction of an expression: bytes, and as good as characters to it. */
    static final int INSTRUCTION_CHARS = 64;

    // What stands around the texts that are counted, a little more than WireCodec writes.
    private static final int ROUTE_CHARS = 448;
    private static final int UPSTREAM_CHARS = 448;
    private static final int GROUP_CHARS = 64;
    private static final int ENDPOINT_CHARS = 64;
    private static final int NAMING_CHARS = 200;
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
            return "the routes of this object, each with its matches, expressions, header changes and backends,"
                    + " need more than " + most
                    + " characters (expected: less hosts, matches, counts in expressions, header values or backends;"
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

    /** Gives back what was taken for a route that another one displaced. */
    void giveBack(ResourceRef owner, long taken) {
        byOwner.merge(owner, -taken, Long::sum);
        total -= taken;
    }

    /** Takes what it needs to remember whose certificate a host has; of the budget of certificates. */
    @Nullable
    String naming(ResourceRef owner, HostPattern host) {
        return takeOfCertificates(owner, NAMING_CHARS + 2L * host.value().length());
    }

    /**
     * Takes what a certificate and its key need, once for each Secret. They have a budget of their own, so that no number of
     * routes takes the certificate from a host; returns why it is too much, or null.
     */
    @Nullable
    String certificate(ResourceRef owner, Certificate certificate) {
        return takeOfCertificates(
                owner,
                (long) certificate.chainPem().length() + certificate.keyPem().length());
    }

    private @Nullable String takeOfCertificates(ResourceRef owner, long wanted) {
        long own = certificates.getOrDefault(owner, 0L) + wanted;
        if (own > OBJECT_CHARS_MAX) {
            return "the certificates of this object and the hosts that have them need more than " + OBJECT_CHARS_MAX
                    + " characters (expected: less hosts or shorter chains; spread the hosts over several objects)";
        }
        if (totalOfCertificates + wanted > CERTIFICATES_CHARS_MAX) {
            return "the table has " + CERTIFICATES_CHARS_MAX
                    + " characters of other certificates already (expected: at most that many)";
        }
        certificates.put(owner, own);
        totalOfCertificates += wanted;
        return null;
    }

    /** What an upstream needs; the authorities that it trusts travel with it. */
    static long chars(Upstream upstream) {
        BackendTls tls = upstream.tls();
        StickyCookie cookie = upstream.balancing().stickyCookie();
        return UPSTREAM_CHARS
                + 2L * upstream.id().length()
                + upstream.endpoints().length()
                + (tls == null ? 0 : length(tls.caPem()) + length(tls.serverName()))
                + (cookie == null ? 0 : cookie.name().length() + cookie.path().length());
    }

    /** What a group needs with its endpoints. */
    static long chars(EndpointGroup group) {
        long chars = GROUP_CHARS + 2L * group.id().length();
        for (EndpointGroup.Endpoint endpoint : group.endpoints()) {
            chars += ENDPOINT_CHARS + endpoint.address().length() + length(endpoint.zone());
            for (String zone : endpoint.forZones()) {
                chars += zone.length();
            }
        }
        return chars;
    }

    private static int length(@Nullable String text) {
        return text == null ? 0 : text.length();
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
        long path = switch (rewrite.path()) {
            case Rewrite.Keep keep -> 0;
            case Rewrite.ReplacePrefix replacement -> replacement.prefix().length();
            case Rewrite.ReplaceFull replacement -> replacement.path().length();
        };
        return path + length(rewrite.host());
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

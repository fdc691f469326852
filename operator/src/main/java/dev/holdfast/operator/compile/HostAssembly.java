package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.translate.RouteIntent;
import dev.holdfast.operator.compile.translate.RouteIntent.Rank;
import dev.holdfast.operator.compile.translate.RouteIntent.Redirect;
import dev.holdfast.operator.compile.translate.TlsIntent;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.Bounds;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.Route.Plaintext;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.match.MatchPrecedence;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Puts what objects ask for under their hosts. Everything arrives in the order of age, so whoever comes first has won;
 * whoever comes second is told.
 */
final class HostAssembly {
    /** In the order of age, too. */
    private final Map<HostPattern, Host> hosts = new LinkedHashMap<>();

    private final Map<RouteIntent, Claim> made = new IdentityHashMap<>();
    private final Map<RouteIntent, Claim> lastMade;
    private final TextBudget budget = new TextBudget();
    /** Ids of those that are in the table. */
    private final Set<String> certificates = new HashSet<>();

    private final Set<ResourceRef> overBudget = new HashSet<>();
    private final Set<ResourceRef> overInherited = new HashSet<>();

    /** Takes over from {@code last} the routes of intents that are the same objects; null: there is none. */
    HostAssembly(@Nullable HostAssembly last) {
        this.lastMade = last == null ? Map.of() : last.made;
    }

    /** A host while it is being put together. */
    private static final class Host {
        private final Map<RouteMatch, Claim> claims = new HashMap<>();
        private final List<Claim> order = new ArrayList<>();
        private @Nullable Naming naming;
        private @Nullable String certificate;
    }

    /** Who named the certificate of a host, and where. */
    private record Naming(ResourceRef secret, ResourceRef owner, String fieldPath, Findings findings) {}

    private record Claim(ResourceRef owner, RouteIntent intent, Route route) {
        /** The route on a host that has a certificate or has none, whoever named it. */
        Route route(boolean hasCertificate) {
            return hasCertificate && intent.redirect() == Redirect.WITH_CERTIFICATE
                    ? new Route(route.id(), route.owner(), route.match(), route.action(), Plaintext.REDIRECT)
                    : route;
        }
    }

    /**
     * Claims a host and match.
     *
     * @param charsOfUpstreams what upstreams that the table has not yet would add to it
     * @return whether the route is in the table
     */
    boolean claim(ResourceRef owner, RouteIntent intent, RouteAction action, long charsOfUpstreams, Findings findings) {
        Host known = hosts.get(intent.host());
        Claim winner = known == null ? null : known.claims.get(intent.match());
        if (winner != null) {
            lost(owner, intent, winner, findings);
            return false;
        }
        String fieldPath = intent.place().fieldPath();
        if (known != null && known.order.size() == Bounds.ROUTES_PER_HOST_MAX) {
            findings.add(
                    DiagnosticCode.LIMIT_EXCEEDED,
                    fieldPath,
                    "host " + intent.host() + " has " + Bounds.ROUTES_PER_HOST_MAX
                            + " routes of older objects already (expected: at most that many); this one is not served");
            return false;
        }
        long wanted = TextBudget.chars(owner, intent.host(), intent.match(), action) + charsOfUpstreams;
        String excess = budget.take(owner, wanted);
        if (excess != null) {
            // Once for an object: what follows is beyond its budget as well.
            if (overBudget.add(owner)) {
                findings.add(DiagnosticCode.LIMIT_EXCEEDED, fieldPath, excess);
            }
            return false;
        }
        try {
            Claim claim = make(owner, intent, action);
            Host host = host(intent.host(), fieldPath, findings);
            if (host == null) {
                return false;
            }
            host.claims.put(intent.match(), claim);
            host.order.add(claim);
            return true;
        } catch (IllegalArgumentException e) {
            findings.add(DiagnosticCode.INVALID_SPEC, fieldPath, String.valueOf(e.getMessage()));
            return false;
        }
    }

    private Claim make(ResourceRef owner, RouteIntent intent, RouteAction action) {
        Claim claim = lastMade.get(intent);
        if (claim == null || !claim.owner.equals(owner) || !claim.route.action().equals(action)) {
            Route.Owner by = new Route.Owner(owner.kind(), owner.namespace(), owner.name());
            String id = id(owner, intent, intent.host());
            Plaintext plaintext = intent.redirect() == Redirect.ALWAYS ? Plaintext.REDIRECT : Plaintext.SERVE;
            claim = new Claim(owner, intent, new Route(id, by, intent.match(), action, plaintext));
        }
        made.put(intent, claim);
        return claim;
    }

    private static void lost(ResourceRef owner, RouteIntent intent, Claim winner, Findings findings) {
        boolean yieldsQuietly = intent.place().rank() == Rank.DEFAULT_BACKEND
                && winner.intent.place().rank() == Rank.RULE;
        if (!yieldsQuietly) {
            boolean own = winner.owner.equals(owner);
            findings.add(
                    DiagnosticCode.CONFLICT,
                    intent.place().fieldPath(),
                    "host " + intent.host() + " with " + describe(intent.match()) + " is already served by "
                            + (own
                                    ? winner.intent.place().fieldPath() + " of this object"
                                    : winner.owner + ", which is older or first by name")
                            + " (expected: one owner per host and match); change the host or the match, or remove one of"
                            + " the two");
        }
    }

    private static String describe(RouteMatch match) {
        String path = match.path().type() + " " + match.path().value();
        int conditions = match.headers().size()
                + match.queryParams().size()
                + (match.subprotocols().isEmpty() ? 0 : 1);
        return conditions == 0 ? path : path + " and the same " + conditions + " conditions";
    }

    /** Notes the certificate of a host; the oldest object that names a Secret for it decides. */
    void certificate(ResourceRef owner, TlsIntent tls, Certificates.Result<Certificate> result, Findings findings) {
        Host host = host(tls.host(), tls.fieldPath(), findings);
        if (host == null) {
            return;
        }
        Naming naming = host.naming;
        if (naming == null) {
            host.naming = new Naming(tls.secret(), owner, tls.fieldPath(), findings);
            host.certificate = result.value() == null ? null : affordable(result.value(), owner, tls, findings);
        } else if (!naming.secret.equals(tls.secret())) {
            findings.add(
                    DiagnosticCode.CONFLICT,
                    tls.fieldPath(),
                    "host " + tls.host() + " already has the certificate that " + naming.owner
                            + " names, which is older or first by name (expected: one Secret per host); name the same Secret or remove the host here");
        }
    }

    /** The id of a certificate that the table has already, or has room for; else null. */
    private @Nullable String affordable(Certificate certificate, ResourceRef owner, TlsIntent tls, Findings findings) {
        if (certificates.contains(certificate.id())) {
            return certificate.id();
        }
        String excess = budget.certificate(owner, certificate);
        if (excess != null) {
            findings.add(
                    DiagnosticCode.LIMIT_EXCEEDED,
                    tls.fieldPath(),
                    excess + "; host " + tls.host() + " presents its wildcard's or the default certificate");
            return null;
        }
        certificates.add(certificate.id());
        return certificate.id();
    }

    private @Nullable Host host(HostPattern pattern, String fieldPath, Findings findings) {
        Host host = hosts.get(pattern);
        if (host == null && hosts.size() < Bounds.ENTRIES_PER_SECTION_MAX) {
            host = new Host();
            hosts.put(pattern, host);
        }
        if (host == null) {
            findings.add(
                    DiagnosticCode.LIMIT_EXCEEDED,
                    fieldPath,
                    "the table has " + Bounds.ENTRIES_PER_SECTION_MAX
                            + " hosts already (expected: at most that many); host " + pattern + " is not served");
        }
        return host;
    }

    /** The hosts in no order that means anything. */
    List<VirtualHost> virtualHosts() {
        List<VirtualHost> built = new ArrayList<>();
        hosts.forEach((pattern, host) -> {
            String certificate = certificate(pattern, host);
            List<Route> routes = host.order.isEmpty()
                    ? inherited(pattern, host, certificate != null)
                    : routes(host.order, certificate != null);
            if (routes != null) {
                built.add(new VirtualHost(pattern, certificate, routes));
            }
        });
        return built;
    }

    /**
     * What clients are shown for a host for which nobody names a Secret that can be used: the certificate of its wildcard, as by
     * ingress-nginx. Whoever names a Secret that is not there takes nothing from the others who have the host.
     */
    private @Nullable String certificate(HostPattern pattern, Host host) {
        if (host.certificate != null) {
            return host.certificate;
        }
        Host wildcard = wildcard(pattern);
        return wildcard == null ? null : wildcard.certificate;
    }

    /** Match order; a stable sort keeps the order of age among equals. */
    private static List<Route> routes(List<Claim> claims, boolean hasCertificate) {
        if (claims.size() == 1) {
            return List.of(claims.getFirst().route(hasCertificate));
        }
        return claims.stream()
                .map(claim -> claim.route(hasCertificate))
                .sorted(Comparator.comparing(route -> MatchPrecedence.of(route.match())))
                .toList();
    }

    /**
     * A host that has a certificate and no route of its own would hide the broader host that served it so far, because
     * matching never falls back. So it serves the routes of that one, which count for whoever named the certificate: hosts,
     * which are short to name, times routes of another object could be any number. Null where that is too much: the
     * broader host serves on, with its own certificate.
     */
    private @Nullable List<Route> inherited(HostPattern pattern, Host host, boolean hasCertificate) {
        Host broader = broader(pattern);
        if (broader == null) {
            return List.of();
        }
        Naming naming = host.naming;
        if (naming != null) {
            long wanted = 0;
            for (Claim claim : broader.order) {
                wanted += TextBudget.chars(claim.owner, pattern, claim.route.match(), claim.route.action());
            }
            String excess = budget.inherit(naming.owner, wanted);
            if (excess != null) {
                if (overInherited.add(naming.owner)) {
                    naming.findings.add(
                            DiagnosticCode.LIMIT_EXCEEDED,
                            naming.fieldPath,
                            "host " + pattern + " has a certificate here and no route, so it would take the routes of a"
                                    + " broader host, but " + excess + " with a certificate of their own");
                }
                return null;
            }
        }
        return broader.order.stream()
                .map(claim -> new Route(
                        id(claim.owner, claim.intent, pattern),
                        claim.route.owner(),
                        claim.route.match(),
                        claim.route.action(),
                        claim.route(hasCertificate).plaintext()))
                .sorted(Comparator.comparing(route -> MatchPrecedence.of(route.match())))
                .toList();
    }

    private @Nullable Host wildcard(HostPattern pattern) {
        int dot = pattern.value().indexOf('.');
        return dot > 0 && !pattern.isWildcard() && !pattern.value().startsWith("[")
                ? hosts.get(new HostPattern("*" + pattern.value().substring(dot)))
                : null;
    }

    private @Nullable Host broader(HostPattern pattern) {
        Host broader = wildcard(pattern);
        if (broader == null || broader.order.isEmpty()) {
            broader = pattern.isAny() ? null : hosts.get(HostPattern.ANY);
        }
        return broader == null || broader.order.isEmpty() ? null : broader;
    }

    private static String id(ResourceRef owner, RouteIntent intent, HostPattern host) {
        return owner.kind() + "/" + owner.namespace() + "/" + owner.name() + "/"
                + intent.place().id() + "@" + host;
    }
}

package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.BackendResolver.Resolved;
import dev.holdfast.operator.compile.translate.RegexCost.Cost;
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
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Puts what objects ask for under their hosts. Everything arrives in the order of age, so whoever comes first has won;
 * whoever comes second is told.
 */
final class HostAssembly {
    /**
     * Most instructions that the expressions of one host may have alive at once: the event loop tries them all for a path
     * that none matches, and 4,000 of them take about half a second for the longest path.
     */
    static final int ALIVE_PER_HOST_MAX = 4_000;

    /** In the order of age, too. */
    private final Map<HostPattern, Host> hosts = new LinkedHashMap<>();

    private final Map<RouteIntent, Claim> made = new IdentityHashMap<>();
    private final Map<RouteIntent, Claim> lastMade;
    private final TextBudget budget = new TextBudget();
    private final ExpressionCosts expressions = new ExpressionCosts();
    private final BackendEntries backends = new BackendEntries();
    private final Map<HostPattern, Naming> namings = new HashMap<>();
    private final List<LostDefault> lostDefaults = new ArrayList<>();
    /** Ids of those that are in the table. */
    private final Set<String> certificates = new HashSet<>();

    private final Set<ResourceRef> overBudget = new HashSet<>();
    private final Set<ResourceRef> overInherited = new HashSet<>();
    private final Set<ResourceRef> overNamings = new HashSet<>();

    /** Takes over from {@code last} the routes of intents that are the same objects; null: there is none. */
    HostAssembly(@Nullable HostAssembly last) {
        this.lastMade = last == null ? Map.of() : last.made;
    }

    /** A host while it is being put together: it has a route or a certificate. */
    private static final class Host {
        /** In the order of age. */
        private final Map<RouteMatch, Claim> claims = new LinkedHashMap<>();

        private final HostPattern pattern;
        private long alive;
        /** What its claims take of the budget, without their backends. */
        private long chars;

        private @Nullable String certificate;

        private Host(HostPattern pattern) {
            this.pattern = pattern;
        }

        /** What its routes would take on another host, whose name each of them has instead, in its id and for itself. */
        long charsOn(HostPattern other) {
            return chars
                    + 2L
                            * claims.size()
                            * (other.value().length() - pattern.value().length());
        }
    }

    /** A default backend that somebody else stood in the way of. */
    private record LostDefault(ResourceRef owner, RouteIntent intent, Findings findings) {}

    /** Who named the certificate of a host, and where. */
    private record Naming(ResourceRef secret, ResourceRef owner, String fieldPath, Findings findings) {}

    private record Claim(ResourceRef owner, RouteIntent intent, Route route) {
        /** A default backend yields to every rule, however young. */
        boolean yieldsTo(RouteIntent other) {
            return intent.place().rank() == Rank.DEFAULT_BACKEND
                    && other.place().rank() == Rank.RULE;
        }

        /** The route on a host that has a certificate or has none, whoever named it. */
        Route route(boolean hasCertificate) {
            return hasCertificate && intent.redirect() == Redirect.WITH_CERTIFICATE
                    ? new Route(route.id(), route.owner(), route.match(), route.action(), Plaintext.REDIRECT)
                    : route;
        }
    }

    /**
     * Claims a host and match. A default backend takes its place in the order of age like everyone, and leaves it to a
     * rule that wants the same: had it to wait for all rules, the youngest of them could fill what it stands in.
     */
    void claim(ResourceRef owner, RouteIntent intent, Resolved resolved, Findings findings) {
        Host known = hosts.get(intent.host());
        Claim winner = known == null ? null : known.claims.get(intent.match());
        if (winner != null && !winner.yieldsTo(intent)) {
            if (intent.place().rank() == Rank.DEFAULT_BACKEND) {
                lostDefaults.add(new LostDefault(owner, intent, findings));
            } else {
                lost(owner, intent, winner, findings);
            }
            return;
        }
        String fieldPath = intent.place().fieldPath();
        Cost cost = expressions.of(intent.match());
        String full = full(known, intent, winner == null ? 1 : 0, cost);
        if (full != null) {
            findings.add(DiagnosticCode.LIMIT_EXCEEDED, fieldPath, full);
            return;
        }
        long chars = chars(owner, intent.host(), intent.match(), resolved.action());
        String excess = budget.take(owner, chars + backends.charsOfNew(resolved.shares()));
        excess = excess == null ? backends.add(resolved.shares()) : excess;
        if (excess != null) {
            // Once for an object: what follows is beyond its budget as well.
            if (overBudget.add(owner)) {
                findings.add(DiagnosticCode.LIMIT_EXCEEDED, fieldPath, excess);
            }
            return;
        }
        try {
            Claim claim = make(owner, intent, resolved.action());
            Host host = host(intent.host(), fieldPath, findings);
            if (host == null) {
                return;
            }
            host.claims.put(intent.match(), claim);
            host.alive += cost.alive();
            host.chars += chars;
            if (winner != null) {
                long before = chars(winner.owner, intent.host(), winner.route.match(), winner.route.action());
                host.chars -= before;
                budget.giveBack(winner.owner, before);
            }
        } catch (IllegalArgumentException e) {
            findings.add(DiagnosticCode.INVALID_SPEC, fieldPath, String.valueOf(e.getMessage()));
        }
    }

    /** Why a host has no room for one more, or null. */
    private static @Nullable String full(@Nullable Host host, RouteIntent intent, int more, Cost cost) {
        if (host != null && host.claims.size() + more > Bounds.ROUTES_PER_HOST_MAX) {
            return "host " + intent.host() + " has " + Bounds.ROUTES_PER_HOST_MAX
                    + " routes of older objects already (expected: at most that many); this one is not served";
        }
        long alive = host == null ? 0 : host.alive;
        if (cost.alive() > 0 && alive + cost.alive() > ALIVE_PER_HOST_MAX) {
            return "the expressions of host " + intent.host() + " may try " + alive
                    + " steps for each character already, and those of this match " + cost.alive()
                    + " more (expected: at most " + ALIVE_PER_HOST_MAX
                    + ", so that no request keeps the others waiting); this one is not served; use a prefix or an exact"
                    + " path, less repetition, or another host";
        }
        return null;
    }

    private long chars(ResourceRef owner, HostPattern host, RouteMatch match, RouteAction action) {
        return TextBudget.chars(owner, host, match, action)
                + (long) TextBudget.INSTRUCTION_CHARS * expressions.of(match).instructions();
    }

    /** Tells default backends what they lost to; a rule, which they yield to without a word, may have come late. */
    void tellLostDefaults() {
        for (LostDefault lost : lostDefaults) {
            Host host = hosts.get(lost.intent.host());
            Claim winner = host == null ? null : host.claims.get(lost.intent.match());
            if (winner != null && winner.intent.place().rank() == Rank.DEFAULT_BACKEND) {
                lost(lost.owner, lost.intent, winner, lost.findings);
            }
        }
    }

    /** Tells of every route that is served. */
    void forEachServed(BiConsumer<ResourceRef, RouteIntent> told) {
        for (Host host : hosts.values()) {
            for (Claim claim : host.claims.values()) {
                told.accept(claim.owner, claim.intent);
            }
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

    private static String describe(RouteMatch match) {
        String path = match.path().type() + " " + match.path().value();
        int conditions = match.headers().size()
                + match.queryParams().size()
                + (match.subprotocols().isEmpty() ? 0 : 1);
        return conditions == 0 ? path : path + " and the same " + conditions + " conditions";
    }

    /**
     * Notes the certificate of a host; the oldest object that names a Secret for it decides. A host that gets none by it
     * and has no route is as if nobody had named it.
     */
    void certificate(ResourceRef owner, TlsIntent tls, Certificates.Result<Certificate> result, Findings findings) {
        Naming naming = namings.get(tls.host());
        if (naming == null) {
            String excess = budget.naming(owner, tls.host());
            if (excess != null) {
                if (overNamings.add(owner)) {
                    findings.add(
                            DiagnosticCode.LIMIT_EXCEEDED,
                            tls.fieldPath(),
                            excess + "; from host " + tls.host()
                                    + " on they present their wildcard's or the default certificate");
                }
                return;
            }
            namings.put(tls.host(), new Naming(tls.secret(), owner, tls.fieldPath(), findings));
            String certificate = result.value() == null ? null : affordable(result.value(), owner, tls, findings);
            Host host = certificate == null ? null : host(tls.host(), tls.fieldPath(), findings);
            if (host != null) {
                host.certificate = certificate;
            }
        } else if (!naming.secret.equals(tls.secret())) {
            findings.add(
                    DiagnosticCode.CONFLICT,
                    tls.fieldPath(),
                    "host " + tls.host() + " already has the certificate that " + naming.owner
                            + " names, which is older or first by name (expected: one Secret per host); name the same"
                            + " Secret or remove the host here");
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
            host = new Host(pattern);
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
            List<Route> routes = host.claims.isEmpty()
                    ? inherited(pattern, certificate != null)
                    : routes(host.claims.values(), certificate != null);
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
    private static List<Route> routes(Collection<Claim> claims, boolean hasCertificate) {
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
    private @Nullable List<Route> inherited(HostPattern pattern, boolean hasCertificate) {
        Host broader = broader(pattern);
        if (broader == null) {
            return List.of();
        }
        Naming naming = namings.get(pattern);
        if (naming != null) {
            String excess = budget.inherit(naming.owner, broader.charsOn(pattern));
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
        return broader.claims.values().stream()
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
        if (broader == null || broader.claims.isEmpty()) {
            broader = pattern.isAny() ? null : hosts.get(HostPattern.ANY);
        }
        return broader == null || broader.claims.isEmpty() ? null : broader;
    }

    private static String id(ResourceRef owner, RouteIntent intent, HostPattern host) {
        return owner.kind() + "/" + owner.namespace() + "/" + owner.name() + "/"
                + intent.place().id() + "@" + host;
    }
}

package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.compile.translate.RouteIntent.Place;
import dev.holdfast.operator.compile.translate.RouteIntent.Rank;
import dev.holdfast.operator.compile.translate.RouteIntent.Redirect;
import dev.holdfast.operator.compile.translate.Translation.Source;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Problem;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.ValueMatch;
import dev.holdfast.v1alpha1.WebSocketRouteSpec;
import dev.holdfast.v1alpha1.websocketroutespec.Rules;
import dev.holdfast.v1alpha1.websocketroutespec.Tls;
import dev.holdfast.v1alpha1.websocketroutespec.rules.Matches;
import dev.holdfast.v1alpha1.websocketroutespec.rules.matches.Headers;
import dev.holdfast.v1alpha1.websocketroutespec.rules.matches.QueryParams;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Translates one WebSocketRoute. Used once. */
public final class WebSocketRouteTranslator {
    /** As the rule in the schema has it: narrower than what a table can hold. */
    private static final String HOSTNAME = "([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*";

    private static final Comparator<ValueMatch> CONDITION_ORDER = Comparator.comparing(ValueMatch::name)
            .thenComparing(ValueMatch::type)
            .thenComparing(ValueMatch::value);

    private final WebSocketRouteView route;
    private final Source source;
    private final Findings findings;

    private WebSocketRouteTranslator(WebSocketRouteView route) {
        this.route = route;
        this.source = Source.of("WebSocketRoute", route.meta());
        this.findings = new Findings(source.ref());
    }

    /** What a WebSocketRoute of our class asks for. */
    public static Translation translate(WebSocketRouteView route) {
        return new WebSocketRouteTranslator(route).translate();
    }

    private Translation translate() {
        for (Problem unknown : route.unknownFields()) {
            findings.add(DiagnosticCode.FIELD_IGNORED, unknown.fieldPath(), unknown.message());
        }
        route.meta().annotations().keySet().stream()
                .filter(key -> key.startsWith(OwnAnnotations.PREFIX) || key.startsWith(NginxAnnotations.PREFIX))
                .forEach(key -> findings.add(
                        DiagnosticCode.ANNOTATION_IGNORED,
                        OwnAnnotations.fieldPath(key),
                        "has no effect on a WebSocketRoute; use the fields of spec.rules instead"));
        for (Problem problem : route.problems()) {
            findings.add(DiagnosticCode.INVALID_SPEC, problem.fieldPath(), problem.message());
        }
        WebSocketRouteSpec spec = route.spec();
        if (spec == null) {
            return Translation.nothing(source, findings.list());
        }
        List<HostPattern> hosts = hosts(spec);
        Tls tls = spec.getTls();
        List<RouteIntent> routes = new ArrayList<>();
        for (int i = 0; i < nonNull(spec.getRules()).size(); i++) {
            Rules rule = spec.getRules().get(i);
            if (rule != null) {
                rule(rule, i, hosts, redirect(tls), routes);
            }
        }
        List<TlsIntent> certificates = new ArrayList<>();
        if (tls != null && tls.getSecretName() != null) {
            ResourceRef secret = new ResourceRef("Secret", source.ref().namespace(), tls.getSecretName());
            hosts.forEach(host -> certificates.add(new TlsIntent(host, secret, "spec.tls.secretName")));
        }
        return new Translation(source, routes, certificates, findings.list());
    }

    private static Redirect redirect(@Nullable Tls tls) {
        return tls == null || tls.getPlaintext() == Tls.Plaintext.SERVE ? Redirect.NEVER : Redirect.ALWAYS;
    }

    private List<HostPattern> hosts(WebSocketRouteSpec spec) {
        List<String> names = nonNull(spec.getHostnames());
        if (names.isEmpty()) {
            return List.of(HostPattern.ANY);
        }
        Set<HostPattern> hosts = new LinkedHashSet<>();
        for (int i = 0; i < names.size(); i++) {
            String at = "spec.hostnames[" + i + "]";
            if (names.get(i).equals("*")) {
                findings.add(
                        DiagnosticCode.INVALID_SPEC,
                        at,
                        "\"*\" (expected: a DNS name; leave hostnames out for every host)");
            } else if (!names.get(i).matches(HOSTNAME)) {
                Values.invalidHost(names.get(i), at, findings);
            } else {
                Values.host(names.get(i), at, findings).ifPresent(hosts::add);
            }
        }
        return List.copyOf(hosts);
    }

    private void rule(Rules rule, int index, List<HostPattern> hosts, Redirect redirect, List<RouteIntent> routes) {
        String at = "spec.rules[" + index + "]";
        RuleActions actions = new RuleActions(rule, at, source.ref().namespace(), findings);
        List<Matches> matches = nonNull(rule.getMatches());
        if (matches.isEmpty()) {
            ActionIntent action = actions.action(PathMatch.ALL, at);
            Place place = new Place(Rank.RULE, index, 0, at);
            hosts.forEach(host -> routes.add(new RouteIntent(host, RouteMatch.ALL, action, redirect, place)));
        }
        for (int j = 0; j < matches.size(); j++) {
            String matchAt = at + ".matches[" + j + "]";
            Place place = new Place(Rank.RULE, index, j, matchAt);
            Matches match = matches.get(j);
            match(match, matchAt).ifPresent(found -> {
                ActionIntent action = actions.action(found.path(), matchAt);
                hosts.forEach(host -> routes.add(new RouteIntent(host, found, action, redirect, place)));
            });
        }
    }

    /** Conditions in one order, header names in lower case, so that equal matches are equal. */
    private Optional<RouteMatch> match(@Nullable Matches match, String at) {
        if (match == null) {
            return Optional.of(RouteMatch.ALL);
        }
        Optional<PathMatch> path = path(match.getPath(), at + ".path.value");
        List<ValueMatch> headers = new ArrayList<>();
        List<ValueMatch> queryParams = new ArrayList<>();
        boolean valid = path.isPresent();
        try {
            List<Headers> headerMatches = nonNull(match.getHeaders());
            for (int i = 0; i < headerMatches.size(); i++) {
                Headers header = headerMatches.get(i);
                String name = header.getName().toLowerCase(Locale.ROOT);
                if (headers.stream().anyMatch(earlier -> earlier.name().equals(name))) {
                    // The list's key tells cases apart, HTTP does not; the first counts, as in Gateway API.
                    findings.add(
                            DiagnosticCode.FIELD_IGNORED,
                            at + ".headers[" + i + "]",
                            "header " + name
                                    + " is matched by an earlier entry already (expected: each name once); remove"
                                    + " one of the two");
                    continue;
                }
                boolean regex = header.getType() == Headers.Type.REGULAREXPRESSION;
                valid &= !regex || Values.isRegex(header.getValue(), at + ".headers[" + i + "].value", findings);
                headers.add(condition(name, regex, header.getValue()));
            }
            List<QueryParams> parameters = nonNull(match.getQueryParams());
            for (int i = 0; i < parameters.size(); i++) {
                QueryParams parameter = parameters.get(i);
                boolean regex = parameter.getType() == QueryParams.Type.REGULAREXPRESSION;
                valid &= !regex || Values.isRegex(parameter.getValue(), at + ".queryParams[" + i + "].value", findings);
                queryParams.add(condition(parameter.getName(), regex, parameter.getValue()));
            }
            headers.sort(CONDITION_ORDER);
            queryParams.sort(CONDITION_ORDER);
            List<String> subprotocols =
                    nonNull(match.getSubprotocols()).stream().sorted().toList();
            RouteMatch found = new RouteMatch(path.orElse(PathMatch.ALL), headers, queryParams, subprotocols);
            return valid ? Optional.of(found) : Optional.empty();
        } catch (IllegalArgumentException e) {
            if (valid) {
                findings.add(DiagnosticCode.INVALID_SPEC, at, Values.message(e));
            }
            return Optional.empty();
        }
    }

    private static ValueMatch condition(String name, boolean regex, String value) {
        return new ValueMatch(name, regex ? ValueMatch.Type.REGEX : ValueMatch.Type.EXACT, value);
    }

    private Optional<PathMatch> path(
            dev.holdfast.v1alpha1.websocketroutespec.rules.matches.@Nullable Path path, String at) {
        if (path == null) {
            return Optional.of(PathMatch.ALL);
        }
        return switch (path.getType()) {
            case EXACT -> Values.path(PathMatch.Type.EXACT, path.getValue(), at, findings);
            case PATHPREFIX -> Values.path(PathMatch.Type.PREFIX, path.getValue(), at, findings);
            case REGULAREXPRESSION -> Values.path(PathMatch.Type.REGEX, path.getValue(), at, findings);
        };
    }

    private static <T> List<T> nonNull(@Nullable List<T> list) {
        return list == null ? List.of() : list;
    }
}

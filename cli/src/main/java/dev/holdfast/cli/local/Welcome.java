package dev.holdfast.cli.local;

import dev.holdfast.cli.local.LocalConfig.Ports;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The first lines: what is served where, and what to try. */
record Welcome(LocalEvent.Started started) {
    private static final int ROUTES_MAX = 24;

    List<String> lines() {
        List<String> lines = new ArrayList<>();
        List<String> routes = new ArrayList<>();
        String page = "";
        for (VirtualHost host : started.table().virtualHosts().values()) {
            for (Route route : host.routes()) {
                routes.add("▸ " + tunnelUrl(host, route) + "  →  " + target(route) + "   ("
                        + route.owner().kind() + " " + route.owner().namespace() + "/"
                        + route.owner().name() + details(route) + ")");
                if (isTryable(host, route) && (page.isEmpty() || isTls(host, route) && page.startsWith("http:"))) {
                    page = pageUrl(host, route);
                }
            }
        }
        lines.add("Holdfast serves " + started.origin() + " (" + routes.size()
                + (routes.size() == 1 ? " route)" : " routes)"));
        routes.stream().limit(ROUTES_MAX).forEach(lines::add);
        if (routes.size() > ROUTES_MAX) {
            lines.add("▸ and " + (routes.size() - ROUTES_MAX) + " more: curl http://127.0.0.1:"
                    + started.ports().admin() + "/tables");
        }
        Ports ports = started.ports();
        lines.add("▸ http :" + ports.http() + "   https :" + ports.https() + "   admin http://127.0.0.1:"
                + ports.admin() + "/tables   metrics http://127.0.0.1:" + ports.admin() + "/metrics");
        if (!page.isEmpty()) {
            lines.add("▸ try: curl -k " + page + "   or open it in a browser: the test page connects by itself");
        }
        lines.add("▸ edits are served at once; Ctrl-C drains");
        return lines;
    }

    private boolean isTryable(VirtualHost host, Route route) {
        return !host.host().isWildcard()
                && route.match().path().type() != PathMatch.Type.REGEX
                && route.action() instanceof RouteAction.Forward
                && route.match().headers().isEmpty()
                && route.match().queryParams().isEmpty()
                && route.match().subprotocols().isEmpty();
    }

    private boolean isTls(VirtualHost host, Route route) {
        return host.certificate() != null || route.plaintext() == Route.Plaintext.REDIRECT;
    }

    private String tunnelUrl(VirtualHost host, Route route) {
        return (isTls(host, route) ? "wss://" : "ws://") + authorityAndPath(host, route);
    }

    private String pageUrl(VirtualHost host, Route route) {
        return (isTls(host, route) ? "https://" : "http://") + authorityAndPath(host, route);
    }

    private String authorityAndPath(VirtualHost host, Route route) {
        String name =
                host.host().equals(HostPattern.ANY) ? "localhost" : host.host().value();
        int port =
                isTls(host, route) ? started.ports().https() : started.ports().http();
        PathMatch path = route.match().path();
        return name + ":" + port + (path.type() == PathMatch.Type.REGEX ? "/~" + path.value() : path.value());
    }

    private String target(Route route) {
        return switch (route.action()) {
            case RouteAction.Forward forward ->
                forward.upstreams().stream()
                        .map(share -> upstream(share, forward.upstreams().size()))
                        .collect(Collectors.joining(" + "));
            case RouteAction.Reject reject -> reject.status() + " " + reject.reason();
        };
    }

    private String upstream(RouteAction.WeightedUpstream share, int shares) {
        RouteTable table = started.table();
        Upstream upstream = table.upstreams().get(share.upstream());
        EndpointGroup group = upstream == null ? null : table.endpoints().get(upstream.endpoints());
        String weight = shares == 1 ? "" : " (weight " + share.weight() + ")";
        if (upstream == null || group == null || group.endpoints().isEmpty()) {
            return share.upstream() + " without endpoints" + weight;
        }
        String scheme = upstream.tls() == null ? "ws://" : "wss://";
        return group.endpoints().stream()
                        .limit(4)
                        .map(endpoint -> address(scheme, endpoint))
                        .collect(Collectors.joining(", "))
                + weight;
    }

    private String address(String scheme, EndpointGroup.Endpoint endpoint) {
        String address = endpoint.address() + ":" + endpoint.port();
        String name = started.backends().get(address);
        return name == null ? scheme + address : "echo backend " + name;
    }

    private static String details(Route route) {
        RouteMatch match = route.match();
        int conditions = match.headers().size() + match.queryParams().size();
        return (match.subprotocols().isEmpty() ? "" : ", subprotocol " + String.join("|", match.subprotocols()))
                + (conditions == 0 ? "" : ", " + conditions + " more conditions")
                + idle(route);
    }

    private static String idle(Route route) {
        return route.action() instanceof RouteAction.Forward forward
                ? ", idle " + forward.timeouts().idle().toString().substring(2).toLowerCase(java.util.Locale.ROOT)
                : "";
    }
}

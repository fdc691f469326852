package dev.holdfast.dataplane.conformance.rig;

import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.match.MatchPrecedence;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Builds small route tables over scripted backends. Not reusable after {@link #build()}. */
public final class Tables {
    private final Map<String, List<Route>> routes = new LinkedHashMap<>();
    private final Map<String, String> certificateOfHost = new LinkedHashMap<>();
    private final Map<Integer, Upstream> upstreams = new LinkedHashMap<>();
    private final List<EndpointGroup> groups = new ArrayList<>();
    private final List<Certificate> certificates = new ArrayList<>();

    /** Every path of one host from one backend. */
    public static RouteTable host(String host, ScriptedBackend backend) {
        return new Tables().forward(host, PathMatch.ALL, backend.port()).build();
    }

    /** A path of a host is forwarded to a port of loopback. */
    public Tables forward(String host, PathMatch path, int port) {
        return route(host, path, RouteAction.Forward.to(upstream(port)));
    }

    /** A path of a host is handled like that. */
    public Tables route(String host, PathMatch path, RouteAction action) {
        List<Route> all = routes.computeIfAbsent(host, key -> new ArrayList<>());
        String id = "test/" + host + "/" + all.size();
        Route.Owner owner = new Route.Owner("Ingress", "default", "test");
        all.add(new Route(id, owner, RouteMatch.ofPath(path), action, Route.Plaintext.SERVE));
        return this;
    }

    /** A host presents a certificate. */
    public Tables certificate(String host, Certificate certificate) {
        certificateOfHost.put(host, certificate.id());
        certificates.add(certificate);
        return this;
    }

    /** The name of the upstream that is one port of loopback. */
    public String upstream(int port) {
        return upstreams
                .computeIfAbsent(port, key -> {
                    groups.add(new EndpointGroup(
                            "group-" + port, List.of(EndpointGroup.Endpoint.ready("127.0.0.1", port))));
                    return new Upstream("upstream-" + port, "group-" + port, null, Balancing.DEFAULT);
                })
                .id();
    }

    /** The table. */
    public RouteTable build() {
        List<VirtualHost> hosts = new ArrayList<>();
        routes.forEach((host, all) -> {
            List<Route> ordered = all.stream()
                    .sorted(Comparator.comparing(route -> MatchPrecedence.of(route.match())))
                    .toList();
            @Nullable String certificate = certificateOfHost.get(host);
            hosts.add(new VirtualHost(new HostPattern(host), certificate, ordered));
        });
        return RouteTable.of(hosts, upstreams.values(), groups, certificates);
    }
}

package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A proxy on loopback and the tables it is given. */
final class Rig implements AutoCloseable {
    static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    final ActiveRoutes routes = new ActiveRoutes();
    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    final ProxyServer proxy;
    private int version;

    Rig(ProxyConfig config) throws IOException {
        this(config, new ProxyServer.Listeners(List.of(), List.of()));
    }

    Rig(ProxyConfig config, ProxyServer.Listeners listeners) throws IOException {
        proxy = new ProxyServer(config, routes, meters, listeners);
        proxy.start();
    }

    static Rig start() throws IOException {
        return new Rig(config());
    }

    static ProxyConfig config() {
        return ProxyConfig.of(ANY_PORT, ANY_PORT).withEventLoops(1);
    }

    static Route route(RouteAction action) {
        return route(action, Route.Plaintext.SERVE);
    }

    static Route route(RouteAction action, Route.Plaintext plaintext) {
        return new Route("r", new Route.Owner("Ingress", "ns", "r"), RouteMatch.ALL, action, plaintext);
    }

    void serve(RawBackend... backends) {
        serve(route(RouteAction.Forward.to("u")), backends);
    }

    void serve(Route route, int... ports) {
        serve(
                List.of(new VirtualHost(new HostPattern("a.test"), null, List.of(route))),
                new Upstream("u", "g", null, Balancing.DEFAULT),
                ports);
    }

    /** Any host, and none. */
    void serveEveryHost(RawBackend backend) {
        serve(
                List.of(new VirtualHost(HostPattern.ANY, null, List.of(route(RouteAction.Forward.to("u"))))),
                List.of(),
                backend);
    }

    void serve(List<VirtualHost> hosts, Upstream upstream, int... ports) {
        List<EndpointGroup.Endpoint> endpoints = Arrays.stream(ports)
                .mapToObj(port -> EndpointGroup.Endpoint.ready("127.0.0.1", port))
                .toList();
        routes.swap(
                new TableVersion(++version, "0".repeat(64)),
                RouteTable.of(hosts, List.of(upstream), List.of(new EndpointGroup("g", endpoints)), List.of()));
    }

    void serve(Route route) {
        serve(route, new int[0]);
    }

    void serve(Route route, RawBackend... backends) {
        serve(List.of(new VirtualHost(new HostPattern("a.test"), null, List.of(route))), List.of(), backends);
    }

    void serve(List<VirtualHost> hosts, List<Certificate> certificates, RawBackend... backends) {
        List<EndpointGroup.Endpoint> endpoints = new ArrayList<>();
        for (RawBackend backend : backends) {
            endpoints.add(EndpointGroup.Endpoint.ready("127.0.0.1", backend.port()));
        }
        routes.swap(
                new TableVersion(++version, "0".repeat(64)),
                RouteTable.of(
                        hosts,
                        List.of(new Upstream("u", "g", null, Balancing.DEFAULT)),
                        List.of(new EndpointGroup("g", endpoints)),
                        certificates));
    }

    RawClient client() throws IOException {
        return new RawClient(proxy.httpPort());
    }

    @Override
    public void close() {
        proxy.close();
    }
}

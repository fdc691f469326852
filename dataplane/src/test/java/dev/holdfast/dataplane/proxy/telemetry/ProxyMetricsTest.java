package dev.holdfast.dataplane.proxy.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What the proxy counts, as Prometheus reads it. */
class ProxyMetricsTest {
    private static final Route.Owner OWNER = new Route.Owner("WebSocketRoute", "shop", "chat");

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final AtomicLong nanos = new AtomicLong();
    private final ProxyMetrics metrics = new ProxyMetrics(registry, nanos::get);

    private static RouteTable table() {
        Route route = new Route("r", OWNER, RouteMatch.ALL, new RouteAction.Reject(503, "no"), Route.Plaintext.SERVE);
        return RouteTable.of(
                List.of(new VirtualHost(HostPattern.ANY, null, List.of(route))), List.of(), List.of(), List.of());
    }

    @Test
    void openedLessClosedIsActiveAndLabelsNameTheRouteOnly() {
        // Given
        RouteMetrics route = metrics.route(OWNER);
        route.tunnelOpened();
        route.tunnelOpened();
        // When
        route.tunnelClosed("client", "fin", "none", Duration.ofMinutes(2));
        // Then
        assertThat(registry.scrape())
                .contains("holdfast_tunnels_active{namespace=\"shop\",route=\"chat\"} 1.0")
                .contains("holdfast_tunnels_opened_total{namespace=\"shop\",route=\"chat\"} 2.0")
                .contains(
                        "code_class=\"none\",initiator=\"client\",namespace=\"shop\",reason=\"fin\",route=\"chat\"} 1.0")
                .contains("holdfast_tunnel_duration_seconds_bucket{namespace=\"shop\",route=\"chat\",le=\"60.0\"} 0")
                .contains("holdfast_tunnel_duration_seconds_bucket{namespace=\"shop\",route=\"chat\",le=\"300.0\"} 1");
    }

    @Test
    void routesWhoseHashesAreEqualHaveAnOrder() {
        // Given
        RouteKey key = new RouteKey("AaAa", "AaBB");
        RouteKey alike = new RouteKey("AaAa", "BBAa");
        // When
        int order = key.compareTo(alike);
        // Then
        assertThat(key).hasSameHashCodeAs(alike);
        assertThat(order).isNegative();
        assertThat(key)
                .isEqualByComparingTo(new RouteKey("AaAa", "AaBB"))
                .isLessThan(new RouteKey("BBAa", "AaBB"))
                .isGreaterThan(RouteKey.UNMATCHED);
    }

    @Test
    void handshakesRequestsAndConnectionsAreCounted() {
        // Given
        RouteMetrics route = metrics.route(OWNER);
        // When
        route.handshake(HandshakeResult.UPGRADED, "ok", 3_000_000);
        route.httpRequest("BREW", 404, 1_000_000);
        route.backendConnectFailed("refused");
        route.backendConnected(1_000_000);
        // Then
        assertThat(registry.scrape())
                .contains(
                        "holdfast_handshakes_total{namespace=\"shop\",reason=\"ok\",result=\"upgraded\",route=\"chat\"} 1.0")
                .contains(
                        "holdfast_http_requests_total{method=\"other\",namespace=\"shop\",route=\"chat\",status=\"4xx\"} 1.0")
                .contains("holdfast_backend_connect_failures_total")
                .contains("holdfast_handshake_duration_seconds_bucket")
                .contains("holdfast_backend_connect_duration_seconds_count{namespace=\"shop\",route=\"chat\"} 1");
    }

    @Test
    void theSeriesOfAGoneRouteLeaveAfterItsLastTunnel() {
        // Given
        ActiveRoutes active = new ActiveRoutes();
        active.join(metrics);
        active.swap(new TableVersion(1, "0".repeat(64)), table());
        RouteMetrics route = metrics.route(OWNER);
        route.tunnelOpened();
        active.swap(new TableVersion(2, "0".repeat(64)), RouteTable.EMPTY);
        nanos.addAndGet(Duration.ofHours(1).toNanos());
        metrics.sweep();
        assertThat(registry.scrape()).contains("route=\"chat\"");
        route.tunnelClosed("client", "fin", "none", Duration.ofMinutes(2));
        metrics.sweep();
        assertThat(registry.scrape()).as("the last values are still scraped").contains("route=\"chat\"");
        // When
        nanos.addAndGet(Duration.ofMinutes(5).toNanos());
        metrics.sweepNowAndThen();
        // Then
        assertThat(registry.scrape()).doesNotContain("route=\"chat\"");
        metrics.route(OWNER).tunnelOpened();
        assertThat(registry.scrape()).contains("holdfast_tunnels_active{namespace=\"shop\",route=\"chat\"} 1.0");
    }

    @Test
    void aRouteHasItsSeriesBeforeItsFirstRequest() {
        // Given
        ActiveRoutes active = new ActiveRoutes();
        active.join(metrics);
        // When
        active.swap(new TableVersion(1, "0".repeat(64)), table());
        // Then
        assertThat(registry.scrape())
                .contains("holdfast_tunnels_opened_total{namespace=\"shop\",route=\"chat\"} 0.0")
                .contains("holdfast_handshake_duration_seconds_count{namespace=\"shop\",route=\"chat\"} 0");
    }

    @Test
    void whatCannotServeIsSeen() {
        // Given
        ActiveRoutes active = new ActiveRoutes();
        active.join(metrics);
        // When
        active.swap(new TableVersion(1, "0".repeat(64)), forwarding());
        metrics.route(OWNER).tunnelOpened();
        // Then
        assertThat(registry.scrape())
                .contains("holdfast_routes{state=\"serving\"} 1.0")
                .contains("holdfast_routes{state=\"unavailable\"} 1.0")
                .contains("holdfast_routes{state=\"rejecting\"} 0.0")
                .contains("holdfast_backend_endpoints{namespace=\"shop\",route=\"chat\",state=\"ready\"} 2.0")
                .contains("holdfast_backend_endpoints{namespace=\"shop\",route=\"chat\",state=\"draining\"} 1.0")
                .contains("holdfast_backend_endpoints{namespace=\"shop\",route=\"empty\",state=\"ready\"} 0.0");
        active.swap(new TableVersion(2, "0".repeat(64)), RouteTable.EMPTY);
        assertThat(registry.scrape())
                .contains("holdfast_routes{state=\"serving\"} 0.0")
                .contains("holdfast_routes{state=\"retired\"} 1.0");
    }

    @Test
    void whatEndsAfterItsSeriesWereRemovedLeavesNone() {
        // Given
        ActiveRoutes active = new ActiveRoutes();
        active.join(metrics);
        RouteMetrics held = metrics.route(OWNER);
        metrics.sweep();
        nanos.addAndGet(Duration.ofMinutes(6).toNanos());
        metrics.sweep();
        assertThat(registry.scrape()).doesNotContain("route=\"chat\"");
        // When
        held.httpRequest("GET", 200, 1_000_000);
        held.handshake(HandshakeResult.FAILED, "no_endpoint", 1);
        // Then
        assertThat(registry.scrape()).doesNotContain("route=\"chat\"");
    }

    /** Two objects: {@code chat} has two ready endpoints and a draining one by two paths, {@code empty} has none. */
    private static RouteTable forwarding() {
        Route.Owner empty = new Route.Owner("WebSocketRoute", "shop", "empty");
        return RouteTable.of(
                List.of(
                        new VirtualHost(
                                new HostPattern("a.test"),
                                null,
                                List.of(
                                        forward("1", OWNER, "u"),
                                        new Route(
                                                "2",
                                                OWNER,
                                                RouteMatch.ALL,
                                                new RouteAction.Reject(404, "no"),
                                                Route.Plaintext.SERVE))),
                        new VirtualHost(new HostPattern("b.test"), null, List.of(forward("3", OWNER, "u"))),
                        new VirtualHost(new HostPattern("c.test"), null, List.of(forward("4", empty, "none")))),
                List.of(
                        new Upstream("u", "g", null, Balancing.DEFAULT),
                        new Upstream("none", "h", null, Balancing.DEFAULT)),
                List.of(
                        new EndpointGroup(
                                "g",
                                List.of(
                                        EndpointGroup.Endpoint.ready("127.0.0.1", 1),
                                        EndpointGroup.Endpoint.ready("127.0.0.1", 2),
                                        new EndpointGroup.Endpoint(
                                                "127.0.0.1", 3, EndpointGroup.State.DRAINING, null, List.of()))),
                        new EndpointGroup("h", List.of())),
                List.of());
    }

    private static Route forward(String id, Route.Owner owner, String upstream) {
        return new Route(id, owner, RouteMatch.ALL, RouteAction.Forward.to(upstream), Route.Plaintext.SERVE);
    }
}

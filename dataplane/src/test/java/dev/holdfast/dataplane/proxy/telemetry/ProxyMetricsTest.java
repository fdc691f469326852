package dev.holdfast.dataplane.proxy.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
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
}

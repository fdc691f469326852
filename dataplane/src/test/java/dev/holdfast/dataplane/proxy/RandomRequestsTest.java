package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R40: what clients send makes no series. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class RandomRequestsTest {
    private static final int REQUESTS = 100_000;
    private static final int AT_A_TIME = 100;
    private static final long SCRAPE_MILLIS_MAX = 1_000;

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    @Test
    void aHundredThousandHostsPathsAndMethodsMakeNoSeries() throws Exception {
        ActiveRoutes routes = new ActiveRoutes();
        try (ProxyServer proxy = new ProxyServer(Rig.config(), routes, registry, List.of())) {
            // Given a route for some of the hosts, which answers by itself, and none for the others
            Route route = new Route(
                    "r",
                    new Route.Owner("Ingress", "ns", "r"),
                    RouteMatch.ALL,
                    new RouteAction.Reject(410, "gone"),
                    Route.Plaintext.SERVE);
            routes.swap(
                    new TableVersion(1, "0".repeat(64)),
                    RouteTable.of(
                            List.of(new VirtualHost(new HostPattern("*.served.test"), null, List.of(route))),
                            List.of(),
                            List.of(new EndpointGroup("unused", List.of())),
                            List.of()));
            proxy.start();
            long before = series();

            // When
            try (RawClient client = new RawClient(proxy.httpPort())) {
                send(client);
            }

            // Then
            long began = System.nanoTime();
            long after = series();
            long millis = (System.nanoTime() - began) / 1_000_000;
            System.out.printf(
                    "figure: R40 %,d random hosts, paths and methods: new series %d (allowed 10), of %d; scrape %d ms%n",
                    REQUESTS, after - before, after, millis);
            assertThat(after - before).isBetween(1L, 10L);
            assertThat(millis).isLessThanOrEqualTo(SCRAPE_MILLIS_MAX);
            assertThat(registry.scrape()).doesNotContain("served.test", "/path");
        }
    }

    private long series() {
        return registry.scrape().lines().filter(line -> !line.startsWith("#")).count();
    }

    private static void send(RawClient client) throws IOException {
        Random random = new Random(40);
        InputStream answers = new BufferedInputStream(client.socket.getInputStream(), 1 << 16);
        for (int sent = 0; sent < REQUESTS; sent += AT_A_TIME) {
            StringBuilder requests = new StringBuilder();
            for (int i = 0; i < AT_A_TIME; i++) {
                String name = Long.toString(random.nextLong() & Long.MAX_VALUE, 36);
                requests.append("M")
                        .append(name)
                        .append(" /path-")
                        .append(name)
                        .append("?q=")
                        .append(name)
                        .append(" HTTP/1.1\r\nHost: ")
                        .append(name)
                        .append(random.nextBoolean() ? ".served.test" : ".unknown.test")
                        .append("\r\n\r\n");
            }
            client.send(requests.toString());
            for (int i = 0; i < AT_A_TIME; i++) {
                assertThat(readAnswer(answers)).startsWith("HTTP/1.1 4");
            }
        }
    }

    /** A head with its body, which has a length. */
    private static String readAnswer(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        int length = -1;
        while (true) {
            int start = head.length();
            int octet = in.read();
            while (octet >= 0 && octet != '\n') {
                head.append((char) octet);
                octet = in.read();
            }
            String line = head.substring(start).strip();
            if (octet < 0 || line.isEmpty()) {
                break;
            }
            if (line.regionMatches(true, 0, "content-length:", 0, 15)) {
                length = Integer.parseInt(line.substring(15).strip());
            }
        }
        return head + new String(in.readNBytes(Math.max(length, 0)), StandardCharsets.ISO_8859_1);
    }
}

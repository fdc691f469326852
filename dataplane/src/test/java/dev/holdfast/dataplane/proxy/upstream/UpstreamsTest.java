package dev.holdfast.dataplane.proxy.upstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.dataplane.Allocation;
import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.Balancing.Policy;
import dev.holdfast.routetable.Balancing.SameSite;
import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.EndpointGroup.State;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.RouteAction.Forward;
import dev.holdfast.routetable.RouteAction.WeightedUpstream;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.Upstream;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Choosing endpoints. */
class UpstreamsTest {
    private static final StickyCookie COOKIE = new StickyCookie("hf", "/", Duration.ofHours(1), SameSite.LAX);
    private static final Balancing STICKY = new Balancing(Policy.LEAST_TUNNELS, COOKIE);

    private final ActiveRoutes active = new ActiveRoutes();
    private final Upstreams upstreams = join(new Upstreams(null));

    private Upstreams join(Upstreams joined) {
        active.join(joined);
        return joined;
    }

    private static ClientKey client(int number, String... cookies) {
        return new ClientKey(
                InetAddress.ofLiteral("10.1." + number / 250 + "." + (number % 250 + 1)), List.of(cookies));
    }

    private static List<Endpoint> ready(int from, int count) {
        List<Endpoint> endpoints = new ArrayList<>();
        for (int i = from; i < from + count; i++) {
            endpoints.add(Endpoint.ready("10.0.0." + i, 80));
        }
        return endpoints;
    }

    private static Endpoint draining(int number) {
        return new Endpoint("10.0.0." + number, 80, State.DRAINING, null, List.of());
    }

    private void table(Balancing balancing, List<Endpoint> endpoints) {
        swap(List.of(new Upstream("a", "group", null, balancing)), new EndpointGroup("group", endpoints));
    }

    private void swap(List<Upstream> all, EndpointGroup... groups) {
        active.swap(new TableVersion(1, "0".repeat(64)), RouteTable.of(List.of(), all, List.of(groups), List.of()));
    }

    private EndpointLease lease(ClientKey client) {
        return lease(upstreams, Forward.to("a"), client);
    }

    private EndpointLease lease(Upstreams from, Forward forward, ClientKey client) {
        return switch (from.select(Objects.requireNonNull(active.active()), forward, client)) {
            case Selection.Selected selected -> selected.lease();
            case Selection.Unavailable none -> throw new AssertionError(none.reason());
        };
    }

    private static String cookieOf(EndpointLease lease) {
        return text(lease.stickyCookie(CookieSecurity.PLAIN)).replaceFirst(";.*", "");
    }

    private static String text(@Nullable String value) {
        return value == null ? "" : value;
    }

    @Test
    void leastTunnelsSpreadsEvenlyAcrossThreadsAndUpstreamsOfOneGroup() throws Exception {
        // Given
        swap(
                List.of(
                        new Upstream("a", "group", null, Balancing.DEFAULT),
                        new Upstream("b", "group", null, Balancing.DEFAULT)),
                new EndpointGroup("group", ready(1, 7)));
        CountDownLatch start = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String upstream = i % 2 == 0 ? "a" : "b";
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    start.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                for (int n = 0; n < 1_000; n++) {
                    lease(upstreams, Forward.to(upstream), client(n));
                }
            }));
        }
        // When
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        // Then
        List<Integer> open = ready(1, 7).stream()
                .map(endpoint -> upstreams.open("group", endpoint))
                .toList();
        assertThat(open).allSatisfy(count -> assertThat(count).isBetween(571, 572));
    }

    @Test
    void countsSurviveASwapAndALeaseIsReleasedOnce() {
        // Given
        table(Balancing.DEFAULT, ready(1, 2));
        EndpointLease lease = lease(client(1));
        lease.settled();
        // When
        table(Balancing.DEFAULT, ready(1, 3));
        // Then
        assertThat(upstreams.open("group", lease.endpoint())).isEqualTo(1);
        lease.release();
        lease.release();
        assertThat(upstreams.open("group", lease.endpoint())).isZero();
    }

    @Test
    void aGoneEndpointIsForgottenWithItsLastTunnel() {
        // Given
        table(Balancing.DEFAULT, ready(1, 1));
        EndpointLease lease = lease(client(1));
        table(Balancing.DEFAULT, ready(2, 1));
        assertThat(upstreams.remembered()).isEqualTo(2);
        // When
        lease.release();
        // Then
        assertThat(upstreams.remembered()).isEqualTo(1);
    }

    @Test
    void roundRobinTakesTurns() {
        // Given
        table(new Balancing(Policy.ROUND_ROBIN, null), ready(1, 3));
        Map<String, Integer> taken = new HashMap<>();
        // When
        for (int i = 0; i < 9; i++) {
            taken.merge(lease(client(i)).endpoint().address(), 1, Integer::sum);
        }
        // Then
        assertThat(taken.values()).containsExactly(3, 3, 3);
    }

    @Test
    void theAddressHashIsStableAndANewEndpointMovesFewClients() {
        // Given
        table(new Balancing(Policy.CLIENT_ADDRESS_HASH, null), ready(1, 9));
        Map<Integer, String> before = new HashMap<>();
        for (int i = 0; i < 2_000; i++) {
            before.put(i, lease(client(i)).endpoint().address());
        }
        // When
        table(new Balancing(Policy.CLIENT_ADDRESS_HASH, null), ready(1, 10));
        // Then
        int moved = 0;
        for (int i = 0; i < 2_000; i++) {
            String now = lease(client(i)).endpoint().address();
            if (!now.equals(before.get(i))) {
                assertThat(now).isEqualTo("10.0.0.10");
                moved++;
            }
        }
        assertThat(moved).isBetween(120, 290);
        assertThat(before.values().stream().distinct().count()).isEqualTo(9);
    }

    @Test
    void aStickyCookieHoldsAcrossSwapsProcessesAndDraining() {
        // Given
        table(STICKY, ready(1, 5));
        EndpointLease first = lease(client(1));
        String cookie = cookieOf(first);
        String address = first.endpoint().address();
        // When
        List<Endpoint> endpoints = new ArrayList<>(ready(6, 5));
        endpoints.add(new Endpoint(address, 80, State.DRAINING, null, List.of()));
        Upstreams elsewhere = join(new Upstreams(null));
        table(STICKY, endpoints);
        // Then
        for (Upstreams each : List.of(upstreams, elsewhere)) {
            EndpointLease again = lease(each, Forward.to("a"), client(2, "x=1; " + cookie + "; y=2"));
            assertThat(again.endpoint().address()).isEqualTo(address);
            assertThat(again.stickyCookie(CookieSecurity.PLAIN)).isNull();
        }
    }

    @Test
    void aCookieOfAGoneEndpointIsReplaced() {
        // Given
        table(STICKY, ready(1, 1));
        String old = cookieOf(lease(client(1)));
        table(STICKY, ready(2, 1));
        // When
        EndpointLease lease = lease(client(1, old));
        // Then
        assertThat(cookieOf(lease)).startsWith("hf=").isNotEqualTo(old);
        assertThat(lease.stickyCookie(CookieSecurity.SECURE))
                .endsWith("; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax")
                .doesNotContain("10.0.0");
    }

    @Test
    void aDrainingEndpointTakesStrangersOnlyWhenNoneIsReady() {
        // Given
        table(Balancing.DEFAULT, List.of(draining(1), Endpoint.ready("10.0.0.2", 80)));
        for (int i = 0; i < 10; i++) {
            assertThat(lease(client(i)).endpoint().address()).isEqualTo("10.0.0.2");
        }
        // When
        table(Balancing.DEFAULT, List.of(draining(1)));
        // Then
        assertThat(lease(client(1)).endpoint().address()).isEqualTo("10.0.0.1");
    }

    @Test
    void weightsAreKeptAndZeroTakesNothing() {
        // Given
        swap(
                List.of(
                        new Upstream("a", "ga", null, Balancing.DEFAULT),
                        new Upstream("b", "gb", null, Balancing.DEFAULT),
                        new Upstream("c", "gc", null, Balancing.DEFAULT)),
                new EndpointGroup("ga", ready(1, 1)),
                new EndpointGroup("gb", ready(2, 1)),
                new EndpointGroup("gc", ready(3, 1)));
        Forward forward = new Forward(
                List.of(new WeightedUpstream("a", 9), new WeightedUpstream("b", 1), new WeightedUpstream("c", 0)),
                Rewrite.NONE,
                HeaderChanges.NONE,
                HeaderChanges.NONE,
                Timeouts.DEFAULT);
        Map<String, Integer> taken = new HashMap<>();
        // When
        for (int i = 0; i < 20_000; i++) {
            EndpointLease lease = lease(upstreams, forward, client(i % 1_000));
            taken.merge(lease.upstream().id(), 1, Integer::sum);
            lease.release();
        }
        // Then
        assertThat(taken).containsOnlyKeys("a", "b");
        assertThat(taken.getOrDefault("b", 0) / 20_000.0).isCloseTo(0.1, within(0.02));
    }

    @Test
    void cookiesAreReadOnceForAllUpstreamsOfARoute() {
        // Given
        List<Upstream> all = new ArrayList<>();
        List<WeightedUpstream> shares = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            all.add(new Upstream("u" + i, "group", null, STICKY));
            shares.add(new WeightedUpstream("u" + i, 1));
        }
        swap(all, new EndpointGroup("group", ready(1, 2)));
        Forward many = new Forward(shares, Rewrite.NONE, HeaderChanges.NONE, HeaderChanges.NONE, Timeouts.DEFAULT);
        ClientKey client = client(1, "hf=x;".repeat(3_000));
        long one = Allocation.of(() -> lease(upstreams, Forward.to("u0"), client));
        // When
        long bytes = Allocation.of(() -> lease(upstreams, many, client));
        // Then
        assertThat(bytes).isLessThan(3 * one);
    }

    @Test
    void endpointsWhoseHashesAreEqualHaveAnOrder() {
        // Given
        EndpointState.Key key = new EndpointState.Key("AaAa", "10.0.0.1", 80);
        EndpointState.Key alike = new EndpointState.Key("BBBB", "10.0.0.1", 80);
        // When
        int order = key.compareTo(alike);
        // Then
        assertThat(key).hasSameHashCodeAs(alike);
        assertThat(order).isNegative();
        assertThat(key)
                .isEqualByComparingTo(new EndpointState.Key("AaAa", "10.0.0.1", 80))
                .isLessThan(new EndpointState.Key("AaAa", "10.0.0.2", 80))
                .isGreaterThan(new EndpointState.Key("AaAa", "10.0.0.1", 79));
    }

    @Test
    void hintedZonesAreUsedOnlyWhenEveryReadyEndpointHasHints() {
        // Given
        Upstreams zoned = join(new Upstreams("z1"));
        Endpoint ours = new Endpoint("10.0.0.1", 80, State.READY, "z1", List.of("z1"));
        Endpoint theirs = new Endpoint("10.0.0.2", 80, State.READY, "z2", List.of("z2"));
        table(Balancing.DEFAULT, List.of(ours, theirs));
        for (int i = 0; i < 10; i++) {
            assertThat(lease(zoned, Forward.to("a"), client(i)).endpoint()).isEqualTo(ours);
        }
        // When
        table(Balancing.DEFAULT, List.of(ours, theirs, Endpoint.ready("10.0.0.3", 80)));
        // Then
        assertThat(lease(zoned, Forward.to("a"), client(1)).endpoint()).isNotEqualTo(ours);
        table(Balancing.DEFAULT, List.of(theirs));
        assertThat(lease(zoned, Forward.to("a"), client(1)).endpoint()).isEqualTo(theirs);
    }

    @Test
    void nextNeverReturnsWhatWasTriedAndAFailedEndpointIsAvoided() {
        // Given
        table(new Balancing(Policy.ROUND_ROBIN, null), ready(1, 3));
        List<String> tried = new ArrayList<>();
        EndpointLease lease = lease(client(1));
        tried.add(lease.endpoint().address());
        // When
        Selection next = lease.next(true);
        // Then
        while (next instanceof Selection.Selected selected) {
            tried.add(selected.lease().endpoint().address());
            next = selected.lease().next(true);
        }
        assertThat(tried).containsExactlyInAnyOrder("10.0.0.1", "10.0.0.2", "10.0.0.3");
        assertThat(ready(1, 3))
                .allSatisfy(endpoint ->
                        assertThat(upstreams.open("group", endpoint)).isZero());
        table(new Balancing(Policy.ROUND_ROBIN, null), ready(1, 4));
        for (int i = 0; i < 5; i++) {
            assertThat(lease(client(i)).endpoint().address()).isEqualTo("10.0.0.4");
        }
    }

    @Test
    void withoutEndpointsNothingIsAvailable() {
        // Given
        table(Balancing.DEFAULT, List.of());
        // When
        Selection selection = upstreams.select(Objects.requireNonNull(active.active()), Forward.to("a"), client(1));
        // Then
        assertThat(selection).isInstanceOf(Selection.Unavailable.class);
        assertThat(upstreams.select(Objects.requireNonNull(active.active()), Forward.to("unknown"), client(1)))
                .isInstanceOf(Selection.Unavailable.class);
    }
}

package dev.holdfast.e2e.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.DataPlane;
import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.e2e.traffic.TunnelFleet;
import dev.holdfast.routetable.RouteAction.Forward;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.wire.TableDigester;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The operator, a process of its own, is killed while it pushes a table (scorecard R09): {@code -Dchannel.kills=100}. Every
 * push is large enough that most of it is still in the operator when the kill comes.
 */
@Timeout(600)
class MidPushKillTest {
    private static final int KILLS = Integer.getInteger("channel.kills", 3);
    private static final int TUNNELS = 20;
    private static final int PADDED_ROUTES = 60;
    private static final Duration SOON = Duration.ofSeconds(60);

    /** How much of a push the kernel may hold for the operator, so that it is out of its hands. */
    private static final long KERNEL_BYTES = 3 << 20;

    @TempDir
    private Path work;

    private final MockCluster cluster = new MockCluster();
    private final EchoBackend backend = new EchoBackend("backend");
    private final ChokePoint channel = new ChokePoint();
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private final Random random = new Random(Long.getLong("channel.seed", 9));
    private DataPlane dataPlane;
    private volatile int lastVersion;
    private final AtomicInteger swaps = new AtomicInteger();

    @BeforeEach
    void start() throws IOException {
        cluster.createService("echo", backend.port());
        String padding = ("{name: x-pad-%d, value: \"" + "p".repeat(4_000) + "\"}, ");
        StringBuilder headers = new StringBuilder();
        for (int i = 0; i < 16; i++) {
            headers.append(padding.formatted(i));
        }
        for (int i = 0; i < PADDED_ROUTES; i++) {
            cluster.create(route("padded-" + i, headers.toString()));
        }
        dataPlane = Follower.of(channel.uri(), work);
        dataPlane.routes().join(next -> new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                judge(next);
            }

            @Override
            public void discard() {}
        });
        dataPlane.start();
    }

    @AfterEach
    void stop() throws IOException {
        dataPlane.close();
        channel.close();
        cluster.close();
        backend.close();
    }

    @Test
    void aPushThatDiesWithItsOperatorIsNeverServedInPart() throws Exception {
        // Given
        cluster.create(edited(0));
        long whole = pushWhole(0);
        double epoch = epoch();
        int midPush = 0;
        int withPartOfATable = 0;
        try (TunnelFleet fleet = new TunnelFleet()) {
            fleet.open(TUNNELS, URI.create("ws://edited.test:" + dataPlane.httpPort() + "/"));

            for (int kill = 1; midPush < KILLS; kill++) {
                // When
                cluster.replace(edited(2 * kill - 1));
                ChokePoint.Push push = pushAndKill(1 + random.nextLong(whole - KERNEL_BYTES), kill % 2 == 0);

                // Then
                assertThat(kill).as("kills, not all of them in mid-push").isLessThan(2 * KILLS + 3);
                int served = servedVersion();
                assertThat(served).as("served after kill %d", kill).isEqualTo(lastVersion);
                // Busy cores may delay the kill until the push is over: that one proves nothing and is repeated.
                boolean isMidPush = push.received() < whole - 1_000;
                if (isMidPush) {
                    assertThat(served).as("served after kill %d", kill).isLessThan(2 * kill - 1);
                    midPush++;
                    withPartOfATable += push.forwarded() > 1_000 ? 1 : 0;
                }
                if (kill % 10 == 0 || midPush == KILLS) {
                    cluster.replace(edited(2 * kill));
                    pushWhole(2 * kill);
                    assertThat(epoch()).isGreaterThan(epoch);
                    epoch = epoch();
                }
            }
            assertThat(fleet.settle(SOON)).as("bytes lost").isZero();
            assertThat(fleet.drops()).as("drops; first: %s", fleet.firstDrop()).isZero();
        }
        assertThat(faults).isEmpty();
        System.out.printf(
                "figure: R09 kills=%d in the middle of a push of %d bytes=%d, with a part of the table at the data"
                        + " plane=%d, swaps=%d, applied in part or taken back=%d, tunnels=%d%n",
                KILLS, whole, midPush, withPartOfATable, swaps.get(), faults.size(), TUNNELS);
    }

    /** Starts an operator, lets its push through and kills it; returns the bytes of the push. */
    private long pushWhole(int version) throws Exception {
        channel.open();
        try (JavaProcess operator = startOperator()) {
            await().atMost(SOON)
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> lastVersion == version && swaps.get() > 0);
            channel.operator(0);
            operator.kill();
            return channel.awaitEnded().received();
        }
    }

    /** Starts an operator and kills it when the data plane, or the network, holds so many bytes of its push. */
    private ChokePoint.Push pushAndKill(long bytes, boolean forwardsTheRest) throws Exception {
        channel.chokeAfter(bytes, forwardsTheRest);
        try (JavaProcess operator = startOperator()) {
            channel.awaitChoked();
            operator.kill();
            channel.operator(0);
            return channel.awaitEnded();
        }
    }

    private JavaProcess startOperator() throws Exception {
        JavaProcess operator = JavaProcess.start(
                "dev.holdfast.cli.HoldfastMain",
                List.of("-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
                cluster.operatorArguments(work, 0));
        String port = operator.await("table stream listens address=\\S+ port=([0-9]+)", SOON)
                .group(1);
        channel.operator(Integer.parseInt(port));
        return operator;
    }

    /** Runs on the thread of the sync client, which is one. */
    private void judge(ActiveTable next) {
        if (!new TableDigester().digest(next.table()).equals(next.version().digest())) {
            faults.add("swapped in a table in part: " + next.version());
        }
        if (next.table().virtualHosts().size() != PADDED_ROUTES + 1) {
            faults.add("swapped in " + next.table().virtualHosts().size() + " hosts");
        }
        int version = versionOf(next);
        if (version < lastVersion) {
            faults.add("went back from " + lastVersion + " to " + version);
        }
        lastVersion = version;
        swaps.incrementAndGet();
    }

    private static int versionOf(ActiveTable table) {
        VirtualHost host = Objects.requireNonNull(table.table().virtualHosts().get("edited.test"));
        Forward forward = (Forward) host.routes().getFirst().action();
        return Integer.parseInt(forward.responseHeaders().set().getFirst().value());
    }

    private int servedVersion() throws IOException {
        try (RawGet get = new RawGet(dataPlane.httpPort(), "edited.test", "/")) {
            return Integer.parseInt(get.get().header("x-version"));
        }
    }

    private double epoch() {
        return dataPlane.registry().get("holdfast.config.epoch").gauge().value();
    }

    private static String edited(int version) {
        return route("edited", "{name: x-version, value: \"" + version + "\"}");
    }

    private static String route(String name, String headers) {
        return """
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: %s, namespace: shop}
                spec:
                  ingressClassName: holdfast
                  hostnames: [%s.test]
                  rules:
                  - backendRefs: [{name: echo, port: 80}]
                    filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [%s]}}]
                """.formatted(name, name, headers);
    }
}

package dev.holdfast.operator.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.publish.ApplyReports;
import dev.holdfast.operator.status.Progress.Standing;
import dev.holdfast.operator.status.StatusIntent;
import dev.holdfast.operator.watch.StatusConfig.Patch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** When data planes that are missing count as missing. */
class StatusFeedTest {
    private static final Duration SETTLE = Duration.ofSeconds(3);
    private static final ResourceRef ROUTE = new ResourceRef("WebSocketRoute", "shop", "chat");
    private static final CompileResult COMPILED = new CompileResult(
            RouteTable.EMPTY, List.of(), Map.of(ROUTE, new CompileResult.Subject("chat-1", 1, 1, 1)), Set.of());

    private final BlockingQueue<ResourceRef> named = new LinkedBlockingQueue<>();
    private final ApplyReports reports = new ApplyReports();
    private final StatusFeed feed = new StatusFeed(
            new StatusConfig(null, List.of(), Patch.SERVER_SIDE_APPLY, Duration.ofMillis(1), SETTLE),
            reports,
            named::add);

    @AfterEach
    void close() {
        feed.close();
    }

    @Test
    void firstListsThatTakeLongerThanDataPlanesNeedDoNotMakeThemMissing() throws Exception {
        // Given: lists that took their time
        Thread.sleep(SETTLE.plusMillis(200));

        // When
        feed.compiled(COMPILED, version(), List.of());
        feed.start();

        // Then
        assertThat(named.poll(10, TimeUnit.SECONDS)).isEqualTo(ROUTE);
        assertThat(standing()).isEqualTo(Standing.UNSETTLED);
    }

    @Test
    void aReplicaThatBeginsToLeadWaitsForDataPlanesThatMayBeOnTheirWay() throws Exception {
        // Given: none came
        feed.compiled(COMPILED, version(), List.of());
        feed.start();
        await().atMost(Duration.ofSeconds(30)).until(() -> standing() == Standing.SETTLED);

        // When
        named.clear();
        feed.lead();

        // Then
        assertThat(named.poll(10, TimeUnit.SECONDS)).isEqualTo(ROUTE);
        assertThat(standing()).as("when it is named").isEqualTo(Standing.UNSETTLED);
    }

    @Test
    void oneThatFollowsAndSaidNothingYetIsOnItsWay() {
        // Given a replica that has just started
        feed.compiled(COMPILED, version(), List.of());
        feed.start();

        // When a data plane comes that cannot tell yet what it serves
        reports.accept(
                new ApplyReport("dp-1", version(), new ApplyOutcome.NeedsFullTable("digest")),
                ApplyReports.Place.ELSEWHERE);

        // Then it is waited for, and not counted
        await().during(Duration.ofMillis(500))
                .atMost(Duration.ofSeconds(2))
                .until(() -> standing() == Standing.UNSETTLED && counted() == 0);
        reports.accept(new ApplyReport("dp-1", version(), new ApplyOutcome.Applied()), ApplyReports.Place.ELSEWHERE);
        await().atMost(Duration.ofSeconds(30)).until(() -> standing() == Standing.SETTLED && counted() == 1);
    }

    private int counted() {
        return feed.intent(ROUTE).map(intent -> intent.progress().counted()).orElse(0);
    }

    private Standing standing() {
        return feed.intent(ROUTE)
                .map(StatusIntent::progress)
                .map(progress -> progress.standing())
                .orElse(Standing.UNSETTLED);
    }

    private static TableVersion version() {
        return new TableVersion(1, "0".repeat(64));
    }
}

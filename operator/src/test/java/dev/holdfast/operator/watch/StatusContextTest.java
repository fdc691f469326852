package dev.holdfast.operator.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.publish.ApplyReports;
import dev.holdfast.operator.status.StatusIntent;
import dev.holdfast.operator.watch.StatusConfig.Patch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which object may hear what was compiled. */
class StatusContextTest {
    private static final ResourceRef ROUTE = new ResourceRef("WebSocketRoute", "shop", "chat");
    private static final StatusConfig CONFIG =
            new StatusConfig(null, List.of(), Patch.SERVER_SIDE_APPLY, Duration.ofMillis(1), Duration.ofSeconds(90));

    private final StatusFeed feed = new StatusFeed(CONFIG, new ApplyReports(), ref -> {});
    private final StatusContext status =
            new StatusContext(feed, () -> true, CONFIG, new SentStatuses(), new SimpleMeterRegistry());

    @AfterEach
    void close() {
        feed.close();
    }

    @Test
    void anObjectThatIsMadeAnewHearsNothingOfItsPredecessor() {
        // Given a route that was compiled at its first generation
        compiled("chat-1");

        // When one of its name and generation is looked at before the next compile
        Optional<StatusIntent> due = status.due(ROUTE, meta("chat-2"));

        // Then only the one that was compiled hears
        assertThat(due).isEmpty();
        assertThat(status.due(ROUTE, meta("chat-1"))).isPresent();
    }

    @Test
    void anObjectWithoutUidHearsToo() {
        // Given
        compiled("");

        // When
        Optional<StatusIntent> due = status.due(ROUTE, meta(null));

        // Then
        assertThat(due).isPresent();
    }

    @Test
    void whatIsSentIsForThisObjectAndNotForALaterOneOfItsName() {
        // When
        ObjectMeta sent = status.patchMeta(meta("chat-1"));

        // Then nothing else is claimed
        assertThat(sent)
                .isEqualTo(new ObjectMetaBuilder()
                        .withNamespace("shop")
                        .withName("chat")
                        .withUid("chat-1")
                        .build());
    }

    private void compiled(String uid) {
        CompileResult result = new CompileResult(
                RouteTable.EMPTY, List.of(), Map.of(ROUTE, new CompileResult.Subject(uid, 1, 1, 1)), Set.of());
        feed.compiled(result, new TableVersion(1, "0".repeat(64)), List.of());
        feed.start();
        await().atMost(Duration.ofSeconds(30)).until(() -> feed.intent(ROUTE).isPresent());
    }

    private static ObjectMeta meta(@Nullable String uid) {
        return new ObjectMetaBuilder()
                .withNamespace("shop")
                .withName("chat")
                .withUid(uid)
                .withGeneration(1L)
                .addToLabels("team", "chat")
                .build();
    }
}

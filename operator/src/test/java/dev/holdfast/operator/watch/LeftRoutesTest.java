package dev.holdfast.operator.watch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.compile.CompileResult.Subject;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.operator.status.RouteStatus;
import dev.holdfast.operator.status.StatusProjector;
import dev.holdfast.v1alpha1.WebSocketRouteSpec;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Whose status is taken back, and when no more. */
class LeftRoutesTest {
    private static final ResourceRef ROUTE = new ResourceRef("WebSocketRoute", "shop", "chat");
    private static final String UID = "chat-1";
    private static final Instant MADE = Instant.parse("2026-01-01T00:00:00Z");
    private static final RouteStatus OF_OURS = new RouteStatus(3, 1, List.of());

    private final LeftRoutes left = new LeftRoutes();

    @Test
    void aRouteThatLeavesIsTakenBackOnceAndAgainIfThatFails() {
        // Given a route that was ours at generation 3
        left.compiled(ours(), List.of(route("chat", UID)));
        boolean before = left.isStale(ROUTE, OF_OURS);

        // When it is none of ours any more, and its status is taken back
        left.compiled(Map.of(), List.of(route("chat", UID)));
        boolean due = left.isStale(ROUTE, OF_OURS);
        left.release(ROUTE);

        // Then another's status of the same generation is left alone, unless the write failed
        assertThat(before).isFalse();
        assertThat(due).isTrue();
        assertThat(left.isStale(ROUTE, OF_OURS)).isFalse();
        left.retry(ROUTE);
        assertThat(left.isStale(ROUTE, OF_OURS)).isTrue();
    }

    @Test
    void whatTheLeaderTookBackOrAnotherInstallationSaidIsNotTakenBackLater() {
        // Given a replica that does not lead, and two routes that left
        ResourceRef other = new ResourceRef("WebSocketRoute", "shop", "other");
        left.compiled(
                Map.of(ROUTE, new Subject(UID, 3, 1, 1), other, new Subject(UID, 3, 1, 1)),
                List.of(route("chat", UID), route("other", UID)));
        left.compiled(Map.of(), List.of(route("chat", UID), route("other", UID)));

        // When it sees that the leader took one back, and that another installation speaks of a later generation
        left.isStale(ROUTE, StatusProjector.released(OF_OURS, MADE));
        left.isStale(other, new RouteStatus(4, 1, List.of()));

        // Then it takes back neither, whatever it sees next
        assertThat(left.isStale(ROUTE, OF_OURS)).isFalse();
        assertThat(left.isStale(other, OF_OURS)).isFalse();
    }

    @Test
    void aStatusThatNobodyWroteIsNothingToTakeBack() {
        // Given a route that was ours
        left.compiled(ours(), List.of(route("chat", UID)));

        // When it leaves before anything was said of it
        left.compiled(Map.of(), List.of(route("chat", UID)));

        // Then there is nothing to do, until what was on its way arrives
        assertThat(left.isStale(ROUTE, RouteStatus.NONE)).isFalse();
        assertThat(left.isStale(ROUTE, OF_OURS)).isTrue();
    }

    @Test
    void oneThatReturnsOrIsDeletedOrMadeAnewIsForgotten() {
        // Given a route that left
        left.compiled(ours(), List.of(route("chat", UID)));
        left.compiled(Map.of(), List.of(route("chat", UID)));
        assertThat(left.refs()).containsExactly(ROUTE);

        // When another of its name takes its place
        left.compiled(Map.of(), List.of(route("chat", "chat-2")));

        // Then that one is a stranger; and so it goes with one that returns, and with one that is deleted
        assertThat(left.refs()).isEmpty();
        left.compiled(ours(), List.of(route("chat", UID)));
        left.compiled(Map.of(), List.of(route("chat", UID)));
        left.compiled(ours(), List.of(route("chat", UID)));
        assertThat(left.refs()).isEmpty();
        left.compiled(Map.of(), List.of());
        assertThat(left.refs()).isEmpty();
    }

    private static Map<ResourceRef, Subject> ours() {
        return Map.of(ROUTE, new Subject(UID, 3, 1, 1));
    }

    private static WebSocketRouteView route(String name, String uid) {
        return new WebSocketRouteView(
                new Meta("shop", name, uid, MADE, 4, Map.of()),
                "other",
                new WebSocketRouteSpec(),
                List.of(),
                List.of());
    }
}

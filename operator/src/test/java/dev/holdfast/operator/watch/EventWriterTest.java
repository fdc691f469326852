package dev.holdfast.operator.watch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.ResourceRef;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which Events are written. */
class EventWriterTest {
    private static final Instant BEGAN = Instant.parse("2026-11-21T11:00:00Z");
    private static final ResourceRef INGRESS = new ResourceRef("Ingress", "shop", "chat");
    private static final Diagnostic MISSING = new Diagnostic(
            DiagnosticCode.BACKEND_NOT_FOUND, INGRESS, "spec.rules[0]", "Service shop/chat is not there");

    private final KubernetesMockServer server = new KubernetesMockServer(
            new Context(), new MockWebServer(), new HashMap<>(), new KubernetesCrudDispatcher(), false);
    private final KubernetesClient client = start();
    private Instant now = BEGAN;

    private KubernetesClient start() {
        server.init();
        return server.createClient();
    }

    @AfterEach
    void close() {
        client.close();
        server.destroy();
    }

    @Test
    void anIngressThatIsMadeAnewHearsOfItsProblemAgain() {
        // Given: one that heard
        EventWriter events = new EventWriter(client, InstantSource.system());
        events.tell(INGRESS, "first", List.of(MISSING));

        // When: it is replaced, faster than anybody saw it missing
        events.tell(INGRESS, "second", List.of(MISSING));

        // Then
        assertThat(client.v1().events().inNamespace("shop").list().getItems())
                .extracting(Event::getInvolvedObject)
                .extracting(object -> object.getUid())
                .containsExactlyInAnyOrder("first", "second");
    }

    @Test
    void aProblemThatStandsIsToldAgainBeforeTheClusterForgetsItAndNoSooner() {
        // Given
        EventWriter events = new EventWriter(client, () -> now);
        events.tell(INGRESS, "uid", List.of(MISSING));

        // When
        List<Integer> timesTold = new ArrayList<>();
        for (int minutes : new int[] {1, 44, 45, 46, 90}) {
            now = BEGAN.plus(Duration.ofMinutes(minutes));
            events.tell(INGRESS, "uid", List.of(MISSING));
            timesTold.add(event().getCount());
        }

        // Then: one Event, which counts
        assertThat(timesTold).containsExactly(1, 1, 2, 2, 3);
        assertThat(event().getLastTimestamp()).isEqualTo("2026-11-21T12:30:00Z");
    }

    private Event event() {
        List<Event> all = client.v1().events().inNamespace("shop").list().getItems();
        assertThat(all).hasSize(1);
        return all.getFirst();
    }
}

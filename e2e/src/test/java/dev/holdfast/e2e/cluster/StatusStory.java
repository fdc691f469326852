package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Event;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the owners of objects are told: columns, conditions, Events, addresses. */
@Order(11)
@Timeout(300)
class StatusStory {
    private static final String ROUTE = """
            apiVersion: holdfast.dev/v1alpha1
            kind: WebSocketRoute
            metadata: {name: %1$s}
            spec:
              ingressClassName: holdfast
              hostnames: [%1$s.test]
              rules: [{backendRefs: [{name: %2$s, port: 80}]}]
            """;
    private static final String MISSING = "nowhere";
    private static final String BACKEND_NOT_FOUND = "BackendNotFound";
    /** As {@code e2e/cluster/values.yaml} says. */
    private static final String PUBLISHED = "192.0.2.10";

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** A change is gathered for a fraction of it before status and Events are written. */
    private static final Duration WRITTEN = Duration.ofSeconds(3);

    private final RealCluster cluster = RealCluster.get();

    @Test
    void aRouteWhoseServiceIsMissingSaysSoInItsColumns() {
        // Given
        Release.ready(cluster);

        // When
        route("columns", MISSING, "Ready=false");

        // Then
        String[] lines = get("wsr/columns").split("\n", -1);
        String wide = get("wsr/columns", "-o", "wide");
        System.out.println("figure: kubectl get wsr: " + lines[0].strip() + " | " + lines[1].strip());
        assertThat(lines[0].split("\\s+")).containsExactly("NAME", "HOSTS", "CLASS", "READY", "REASON", "AGE");
        assertThat(lines[1].split("\\s+"))
                .startsWith("columns", "[\"columns.test\"]", "holdfast", "False", BACKEND_NOT_FOUND);
        assertThat(wide).contains("spec.rules[0].backendRefs[0].name: Service stories/nowhere does not exist");
    }

    @Test
    void aMendedRouteBecomesReadyAndCountsTheDataPlanesThatServeIt() throws Exception {
        // Given
        Release.ready(cluster);
        route("mended", MISSING, "Ready=false");

        // When
        route("mended", "echo", "Ready");

        // Then
        String expected =
                Release.REPLICAS + " of " + Release.REPLICAS + " data planes serve this generation " + generation();
        // One that a story before this one ended may be counted for some seconds more.
        Release.await("Programmed: " + expected, PATIENCE, () -> programmed().equals(expected));
        System.out.println("figure: a mended route: kubectl wait --for=condition=Ready returned; Programmed: "
                + programmed() + " (the generation)");
        assertThat(get("wsr/mended").split("\n", -1)[1].split("\\s+"))
                .startsWith("mended", "[\"mended.test\"]", "holdfast", "True", "Ready");
    }

    @Test
    void anIngressWithAMistakeGetsItsEventOnceWhateverElseIsEditedAndWhoeverLeads() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        String uid = mistaken(release, "mistaken");

        // When: it is edited where the mistake is not, another object is, and new operators list everything anew
        cluster.kubectl("-n", Release.STORIES, "label", "ingress/mistaken", "edited=yes", "--overwrite");
        release.serve("beside-the-mistake.test", "echo");
        cluster.kubectl(
                "-n", Release.NAMESPACE, "delete", "pod", "--selector=app.kubernetes.io/name=holdfast-operator");
        release.awaitSettled("operator");
        cluster.kubectl("-n", Release.STORIES, "delete", "wsr/after", "--ignore-not-found");
        route("after", "echo", "Ready");
        Thread.sleep(WRITTEN);

        // Then
        List<Event> events = events(uid);
        System.out.println(
                "figure: an Ingress with a mistake, edited, and its operators replaced: Events " + events.size()
                        + ", told " + events.stream().mapToInt(Event::getCount).sum() + " times");
        assertThat(events).singleElement().satisfies(event -> {
            assertThat(event.getType()).isEqualTo("Warning");
            assertThat(event.getReason()).isEqualTo(BACKEND_NOT_FOUND);
            assertThat(event.getCount()).isEqualTo(1);
        });
    }

    @Test
    void aMendedIngressIsToldSoAndShowsThePublishedAddress() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        String uid = mistaken(release, "repaired");

        // When
        cluster.apply(Release.STORIES, release.ingress("repaired", "repaired.test", "echo"));

        // Then
        Release.await(
                "what tells that it is solved", PATIENCE, () -> events(uid).size() == 2);
        cluster.kubectl(
                "-n",
                Release.STORIES,
                "wait",
                "--for=jsonpath={.status.loadBalancer.ingress[0].ip}=" + PUBLISHED,
                "ingress/repaired",
                "--timeout=60s");
        System.out.println("figure: a mended Ingress: Events BackendNotFound and Resolved, address " + PUBLISHED);
        assertThat(events(uid)).extracting(Event::getReason).containsExactlyInAnyOrder(BACKEND_NOT_FOUND, "Resolved");
    }

    /** Applies an Ingress to a Service that does not exist; returns its uid when its owner was told. */
    private String mistaken(Release release, String name) throws InterruptedException {
        cluster.kubectl("-n", Release.STORIES, "delete", "ingress/" + name, "--ignore-not-found");
        cluster.apply(Release.STORIES, release.ingress(name, name + ".test", MISSING));
        String uid = get("ingress/" + name, "-o", "jsonpath={.metadata.uid}");
        Release.await("the Event", PATIENCE, () -> !events(uid).isEmpty());
        return uid;
    }

    /** Applies the route with this backend, and waits for the condition. */
    private void route(String name, String backend, String condition) {
        cluster.apply(Release.STORIES, ROUTE.formatted(name, backend));
        cluster.kubectl("-n", Release.STORIES, "wait", "--for=condition=" + condition, "wsr/" + name, "--timeout=60s");
    }

    private String generation() {
        return get("wsr/mended", "-o", "jsonpath={.metadata.generation}");
    }

    private String programmed() {
        return get(
                "wsr/mended",
                "-o",
                "jsonpath={range .status.conditions[?(@.type==\"Programmed\")]}{.message} {.observedGeneration}{end}");
    }

    private String get(String object, String... words) {
        String[] all = new String[words.length + 4];
        all[0] = "-n";
        all[1] = Release.STORIES;
        all[2] = "get";
        all[3] = object;
        System.arraycopy(words, 0, all, 4, words.length);
        return cluster.kubectl(all);
    }

    private List<Event> events(String uid) {
        return cluster.client()
                .v1()
                .events()
                .inNamespace(Release.STORIES)
                .withField("involvedObject.uid", uid)
                .list()
                .getItems();
    }
}

package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.watch.StatusConfig;
import dev.holdfast.operator.watch.WatchConfig;
import dev.holdfast.routetable.update.ApplyOutcome;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.client.dsl.NonNamespaceOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Conditions of WebSocketRoutes as their owners read them. */
@Timeout(120)
class RouteStatusTest {
    private static final String OUR_CONTROLLER = "holdfast.dev/ingress-controller";

    private final ClusterFixture cluster = new ClusterFixture();

    @BeforeEach
    void backend() {
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.1"));
    }

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void aRouteIsReadyWhenItsDataPlaneSaysSo() throws Exception {
        // Given a route that waits for its data plane
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");
        await("the data plane has the table", () -> dataPlane.serves("a.example.com"));
        awaitCondition("chat", "Programmed", "False Pending");
        assertThat(condition("chat", "Accepted")).isEqualTo("True Accepted");

        // When the data plane reports
        dataPlane.report(new ApplyOutcome.Applied());

        // Then the route is ready
        awaitCondition("chat", "Ready", "True Ready");
        assertThat(condition("chat", "Programmed")).isEqualTo("True Programmed");
        assertThat(status("chat")).containsEntry("endpoints", 1).containsEntry("observedGeneration", 1);
    }

    @Test
    void aStatusThatSomebodyElseWroteLastIsPutRight() throws Exception {
        // Given a route that is ready
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");
        await("the data plane has the table", () -> dataPlane.serves("a.example.com"));
        dataPlane.report(new ApplyOutcome.Applied());
        awaitCondition("chat", "Ready", "True Ready");

        // When what an earlier leader had on its way arrives
        routes().withName("chat").editStatus(route -> {
            route.setAdditionalProperty("status", Map.of("observedGeneration", 1, "endpoints", 7));
            return route;
        });

        // Then it does not stay
        awaitCondition("chat", "Ready", "True Ready");
        assertThat(status("chat")).containsEntry("endpoints", 1);
    }

    @Test
    void aPoisonRouteIsToldAndItsNeighbourIsServed() throws Exception {
        // Given a healthy route, one with an unknown enum value, one of a wrong type
        cluster.api()
                .apply(ClusterFixture.route("chat", "a.example.com", "chat") + "---\n"
                        + ClusterFixture.route("enum", "b.example.com", "chat")
                                .replace(
                                        "- backendRefs",
                                        "- matches: [{path: {type: Glob, value: /x}}]\n    backendRefs"));
        cluster.api()
                .apply(ClusterFixture.route("wrong", "c.example.com", "chat")
                        .replaceAll("rules:\\n.*\\n", "rules: nonsense\n"));

        // When an operator starts
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");

        // Then the healthy one is served, and the owners of the others are told
        await("the neighbour is served", () -> dataPlane.serves("a.example.com"));
        awaitCondition("enum", "Accepted", "False InvalidSpec");
        awaitCondition("wrong", "Accepted", "False InvalidSpec");
        awaitCondition("chat", "Accepted", "True Accepted");
        assertThat(message("enum", "Accepted")).contains("spec.rules[0].matches[0].path.type");
    }

    @Test
    void anUnreadableRouteThatComesLaterBlocksNoLaterOne() throws Exception {
        // Given a running operator
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");

        // When a route comes that cannot be read, and then a healthy one
        cluster.api()
                .apply(ClusterFixture.route("wrong", "c.example.com", "chat")
                        .replaceAll("rules:\\n.*\\n", "rules: nonsense\n"));
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));

        // Then the healthy one is served
        await("the later one is served", () -> dataPlane.serves("a.example.com"));
    }

    @Test
    void aSettledClusterIsNotWrittenTo() throws Exception {
        // Given routes and Ingresses whose status is written
        cluster.api()
                .apply(ClusterFixture.route("chat", "a.example.com", "chat") + "---\n"
                        + ClusterFixture.ingress("chat", "b.example.com", "chat") + "---\n"
                        + ClusterFixture.ingress("broken", "c.example.com", "missing"));
        ClusterOperator operator = cluster.operator();
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        await("the data plane has the table", () -> dataPlane.serves("c.example.com"));
        dataPlane.report(new ApplyOutcome.Applied());
        awaitCondition("chat", "Ready", "True Ready");
        await("addresses are written", () -> cluster.api().writes("/ingresses/").size() >= 2);
        Thread.sleep(500);

        // When time passes
        List<String> before = cluster.api().writes();
        Compilation compiled = operator.operator().last().orElseThrow();
        Thread.sleep(3_000);

        // Then nobody writes, and our own writes caused no compile
        assertThat(cluster.api().writes()).isEqualTo(before);
        assertThat(operator.operator().last().orElseThrow()).isSameAs(compiled);
        assertThat(before.stream().filter(write -> write.contains("websocketroutes")))
                .hasSizeLessThanOrEqualTo(3);
        assertThat(before.stream().filter(write -> write.contains("/ingresses/")))
                .hasSize(2);
    }

    @Test
    void aReplicaThatDoesNotLeadServesAndWritesNothing() throws Exception {
        // Given a leader and another replica
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        ClusterOperator leader = cluster.operator(ClusterFixture.status(), ClusterFixture.leader("one"));
        await("the leader writes", () -> cluster.api().writes("websocketroutes").size() >= 1);
        StreamReader replica =
                cluster.dataPlane(cluster.operator(ClusterFixture.status(), ClusterFixture.leader("two")), "dp-2");
        await("the replica serves", () -> replica.serves("a.example.com"));
        Thread.sleep(1_500);
        int before = cluster.api().writes("websocketroutes").size();
        replica.report(new ApplyOutcome.Applied());
        Thread.sleep(500);
        assertThat(cluster.api().writes("websocketroutes")).hasSize(before);

        // When the leader goes
        leader.close();

        // Then the replica takes over
        awaitCondition("chat", "Ready", "True Ready");
    }

    @Test
    void dataPlanesThatFollowAnotherReplicaCount() throws Exception {
        // Given a leader and another replica, with a data plane each
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        ClusterOperator leader = cluster.operator(ClusterFixture.status(), ClusterFixture.leader("one"));
        await("the leader writes", () -> cluster.api().writes("websocketroutes").size() >= 1);
        ClusterOperator replica = cluster.operator(ClusterFixture.status(), ClusterFixture.leader("two"));
        StreamReader own = cluster.dataPlane(leader, "dp-1");
        StreamReader other = cluster.dataPlane(replica, "dp-2");
        await("both have the table", () -> own.serves("a.example.com") && other.serves("a.example.com"));

        // When both tell every replica
        own.report(new ApplyOutcome.Applied());
        own.reportTo(replica, new ApplyOutcome.Applied());
        other.report(new ApplyOutcome.Applied());
        other.reportTo(leader, new ApplyOutcome.Refused("certificate default/tls: no key"));

        // Then the leader counts both
        awaitMessage("1 of 2 data planes serve this generation; refused by dp-2: certificate default/tls: no key");
        other.reportTo(leader, new ApplyOutcome.Applied());
        awaitMessage("2 of 2 data planes serve this generation");

        // And when one ends, or the leader does, those that are left
        own.endAt(replica);
        own.close();
        awaitMessage("1 of 1 data plane serves this generation");
        leader.close();
        cluster.api().apply(ClusterFixture.route("later", "b.example.com", "chat"));
        await("the other has the table", () -> other.serves("b.example.com"));
        other.report(new ApplyOutcome.Applied());
        awaitCondition("later", "Ready", "True Ready");
        assertThat(message("later", "Programmed")).isEqualTo("1 of 1 data plane serves this generation");
    }

    @Test
    void aDataPlaneThatStartsDoesNotCountBeforeItSaysWhatItServes() throws Exception {
        // Given a route that is ready
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        ClusterOperator operator = cluster.operator();
        ready(operator, "dp-1");
        List<String> before = cluster.api().writes("websocketroutes");

        // When another data plane starts, and takes its time with the table
        StreamReader second = cluster.dataPlane(operator, "dp-2");
        await("it is sent the table", () -> second.serves("a.example.com"));
        Thread.sleep(1_000);

        // Then nobody hears of it before it refuses or serves
        assertThat(cluster.api().writes("websocketroutes")).isEqualTo(before);
        second.report(new ApplyOutcome.Refused("certificate default/tls: no key"));
        awaitMessage("1 of 2 data planes serve this generation; refused by dp-2: certificate default/tls: no key");
        second.report(new ApplyOutcome.Applied());
        awaitMessage("2 of 2 data planes serve this generation");
    }

    @Test
    void aRouteThatLeavesOurClassIsNoLongerSaidToBeReady() throws Exception {
        // Given a route that is ready
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        StreamReader dataPlane = ready(cluster.operator(), "dp-1");

        // When its class is edited, with a slip
        cluster.api()
                .apply(ClusterFixture.route("chat", "a.example.com", "chat")
                        .replace("ClassName: holdfast", "ClassName: holdfats"));

        // Then its status is that of a route which nobody serves, and says where to look
        await("it is served no more", () -> !dataPlane.serves("a.example.com"));
        awaitCondition("chat", "Ready", "Unknown Pending");
        assertThat(List.of("Accepted", "ResolvedRefs", "Programmed"))
                .allSatisfy(type -> assertThat(condition("chat", type)).isEqualTo("Unknown Pending"));
        assertThat(message("chat", "Ready")).contains("spec.ingressClassName");
    }

    @Test
    void aRouteWhoseClassIsTakenAwayIsNotReadyUntilItReturns() throws Exception {
        // Given a route that is ready
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        StreamReader dataPlane = ready(cluster.operator(), "dp-1");

        // When its class becomes that of another controller, and ours again
        cluster.api().apply(ClusterFixture.CLASS.replace(OUR_CONTROLLER, "example.com/other"));
        awaitCondition("chat", "Ready", "Unknown Pending");
        cluster.api().apply(ClusterFixture.CLASS);

        // Then it becomes ready again
        await("it is served again", () -> dataPlane.serves("a.example.com"));
        dataPlane.report(new ApplyOutcome.Applied());
        awaitCondition("chat", "Ready", "True Ready");
    }

    @Test
    void aRouteWhoseClassGoesToAnotherInstallationIsLeftToThatOne() throws Exception {
        // Given a route that one of two installations serves, both of which write as the same field manager
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        ready(cluster.operator(), "dp-1");
        CompileOptions other =
                new CompileOptions("example.com/other", "other", false, CompileOptions.LoopbackEndpoints.REFUSED);
        StreamReader theirs = cluster.dataPlane(
                cluster.operator(new ClusterOperator.Config(
                        OperatorConfig.of(other, 0), WatchConfig.of(List.of()), ClusterFixture.status(), null)),
                "dp-2");

        // When the class becomes that of the other
        cluster.api().apply(ClusterFixture.CLASS.replace(OUR_CONTROLLER, "example.com/other"));

        // Then that one has the last word, and there is no quarrel
        await("the other serves it", () -> theirs.serves("a.example.com"));
        theirs.report(new ApplyOutcome.Applied());
        awaitCondition("chat", "Ready", "True Ready");
        Thread.sleep(1_000);
        List<String> settled = cluster.api().writes("websocketroutes");
        Thread.sleep(2_000);
        assertThat(cluster.api().writes("websocketroutes")).isEqualTo(settled).hasSizeLessThanOrEqualTo(8);
        assertThat(condition("chat", "Ready")).isEqualTo("True Ready");
    }

    @Test
    void aRouteThatIsMadeAnewDoesNotGetTheStatusOfItsPredecessor() throws Exception {
        // Given a ready route, and time between a compile and what is said of it
        StatusConfig soon = ClusterFixture.status();
        StatusConfig late =
                new StatusConfig(null, soon.publishAddresses(), soon.patch(), Duration.ofMillis(1_500), soon.settle());
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "chat"));
        ready(cluster.operator(late, null), "dp-1");

        // When it is deleted and created at once, of the same generation, with a slip
        routes().withName("chat").delete();
        cluster.api().apply(ClusterFixture.route("chat", "a.example.com", "nowhere"));

        // Then nobody reads that it is ready before it is looked at
        List<String> read = new ArrayList<>();
        await("it is looked at", () -> {
            read.add(condition("chat", "Ready"));
            return read.getLast().startsWith("False");
        });
        assertThat(read).doesNotContain("True Ready");
        assertThat(condition("chat", "Ready")).isEqualTo("False BackendNotFound");
    }

    /** A data plane that serves the route and says so; returns when its owner was told. */
    private StreamReader ready(ClusterOperator operator, String name) throws Exception {
        StreamReader dataPlane = cluster.dataPlane(operator, name);
        await("the data plane has the table", () -> dataPlane.serves("a.example.com"));
        dataPlane.report(new ApplyOutcome.Applied());
        awaitCondition("chat", "Ready", "True Ready");
        return dataPlane;
    }

    private void awaitMessage(String expected) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertThat(message("chat", "Programmed")).isEqualTo(expected));
    }

    private void awaitCondition(String route, String type, String expected) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertThat(condition(route, type))
                        .as("%s", status(route))
                        .isEqualTo(expected));
    }

    private Map<String, Object> status(String name) {
        GenericKubernetesResource route = routes().withName(name).get();
        Map<String, Object> status = route.get("status");
        return status == null ? Map.of() : status;
    }

    private NonNamespaceOperation<
                    GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
            routes() {
        return cluster.api()
                .user()
                .genericKubernetesResources("holdfast.dev/v1alpha1", "WebSocketRoute")
                .inNamespace("default");
    }

    private String condition(String route, String type) {
        return field(route, type, "status") + " " + field(route, type, "reason");
    }

    private String message(String route, String type) {
        return field(route, type, "message");
    }

    @SuppressWarnings("unchecked")
    private String field(String route, String type, String field) {
        List<Map<String, Object>> conditions =
                (List<Map<String, Object>>) status(route).getOrDefault("conditions", List.of());
        return conditions.stream()
                .filter(condition -> type.equals(condition.get("type")))
                .map(condition -> String.valueOf(condition.get(field)))
                .findFirst()
                .orElse("");
    }
}

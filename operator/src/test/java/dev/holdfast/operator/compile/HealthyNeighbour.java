package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.match.MatchIndex;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.wire.TableDigester;
import dev.holdfast.routetable.wire.WireCodec;
import dev.holdfast.routetable.wire.WireException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A route that works, with its host, Service and endpoints: what nobody else's objects may harm. */
final class HealthyNeighbour {
    private static final String OBJECTS = """
            kind: IngressClass
            metadata: {name: holdfast}
            spec: {controller: holdfast.dev/ingress-controller}
            ---
            kind: WebSocketRoute
            metadata: {name: healthy, namespace: healthy, creationTimestamp: "2026-01-01T00:00:00Z"}
            spec: {hostnames: [healthy.neighbour.test], rules: [{backendRefs: [{name: healthy, port: 80}]}]}
            ---
            kind: Service
            metadata: {name: healthy, namespace: healthy}
            spec: {ports: [{port: 80}], clusterIPs: [10.96.0.20]}
            ---
            kind: EndpointSlice
            metadata: {name: healthy-a, namespace: healthy, labels: {kubernetes.io/service-name: healthy}}
            addressType: IPv4
            ports: [{port: 8080}]
            endpoints: [{addresses: [10.0.9.9]}]
            """;

    private static final String HOST = "healthy.neighbour.test";
    private static final String BACKEND = "healthy/healthy:80";
    private static final ClusterSnapshot ALONE = new Manifests().add(OBJECTS).snapshot();
    private static final RouteTable TABLE = compile(ALONE).table();

    private HealthyNeighbour() {}

    /** Whether the object shares namespace, name or host with the neighbour: then it is no stranger. */
    static boolean isPartOf(JsonNode object) {
        return object.toString().contains("healthy")
                || object.path("kind").asText().equals("IngressClass");
    }

    /** Compiles the objects beside the neighbour. */
    static void requireUnharmed(Manifests others) {
        ClusterSnapshot stranger = others.snapshot();
        ClusterSnapshot both = new ClusterSnapshot(
                joined(ALONE.classes(), stranger.classes()),
                joined(ALONE.ingresses(), stranger.ingresses()),
                joined(ALONE.webSocketRoutes(), stranger.webSocketRoutes()),
                joined(ALONE.services(), stranger.services()),
                joined(ALONE.endpointSlices(), stranger.endpointSlices()),
                joined(ALONE.secrets(), stranger.secrets()));
        CompileResult result = compile(both);
        RouteTable table = result.table();
        assertThat(table.virtualHosts().get(HOST))
                .isNotNull()
                .isEqualTo(TABLE.virtualHosts().get(HOST));
        assertThat(table.upstreams().get(BACKEND))
                .isNotNull()
                .isEqualTo(TABLE.upstreams().get(BACKEND));
        assertThat(table.endpoints().get(BACKEND))
                .isNotNull()
                .isEqualTo(TABLE.endpoints().get(BACKEND));
        assertThat(result.diagnostics())
                .as("compile met something that it does not expect")
                .noneMatch(diagnostic -> isUnforeseen(diagnostic.message()));
        assertThat(result.diagnostics().size())
                .isLessThanOrEqualTo(Findings.MAX * result.subjects().size());
        assertThat(compile(both)).as("compiled again").isEqualTo(result);
        MatchIndex.of(table);
        travelsUnchanged(table);
    }

    /** By its ends: what stands between can be anything that somebody names a Service. */
    static boolean isUnforeseen(String message) {
        return message.startsWith("cannot be compiled (") && message.endsWith("please report it");
    }

    private static void travelsUnchanged(RouteTable table) {
        var version = new dev.holdfast.routetable.TableVersion(1, new TableDigester().digest(table));
        TableUpdate update = new TableUpdate.FullTable(version, table);
        try {
            assertThat(WireCodec.decodeUpdate(WireCodec.encode(update))).isEqualTo(update);
        } catch (WireException e) {
            throw new AssertionError("the data plane refuses what was compiled: " + e.getMessage(), e);
        }
    }

    private static CompileResult compile(ClusterSnapshot snapshot) {
        return new RouteTableCompiler().compile(snapshot, CompileOptions.DEFAULT);
    }

    private static <T> List<T> joined(List<T> one, List<T> other) {
        return new ArrayList<>(Stream.concat(one.stream(), other.stream()).toList());
    }
}

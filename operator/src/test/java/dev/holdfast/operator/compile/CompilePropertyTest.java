package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.match.MatchIndex;
import dev.holdfast.routetable.wire.TableDigester;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What holds for every snapshot; seeded, so that a failure repeats. */
class CompilePropertyTest {
    private static final Path CASES = Path.of("src/test/resources/compile");
    private static final String CLUSTER = """
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata: {name: holdfast}
            spec: {controller: holdfast.dev/ingress-controller}
            """;

    @Test
    void shuffledInputGivesAnEqualTableAndEqualDiagnostics() {
        for (Path directory : cases()) {
            ClusterSnapshot snapshot = manifests(directory).snapshot();
            CompileResult expected = compile(snapshot);
            for (int seed = 0; seed < 5; seed++) {
                // When
                CompileResult shuffled = compile(shuffled(snapshot, new Random(seed)));
                // Then
                assertThat(shuffled).as("%s, seed %d", directory, seed).isEqualTo(expected);
                assertThat(new TableDigester().digest(shuffled.table()))
                        .isEqualTo(new TableDigester().digest(expected.table()));
            }
        }
    }

    @Test
    void whatWasRememberedNeverChangesTheResult() {
        // Given
        RouteTableCompiler remembering = new RouteTableCompiler();
        for (int round = 0; round < 2; round++) {
            for (Path directory : cases()) {
                ClusterSnapshot snapshot = manifests(directory).snapshot();
                // When
                CompileResult result = remembering.compile(snapshot, CompileOptions.DEFAULT);
                // Then
                assertThat(result).as("%s", directory).isEqualTo(compile(snapshot));
            }
        }
    }

    /** As a watch hands them over: what did not change is the same object, one object comes or goes at a time. */
    @Test
    void whatWasRememberedFollowsEveryObjectThatComesOrGoes() {
        for (Path directory : cases()) {
            // Given
            ClusterSnapshot whole = manifests(directory).snapshot();
            RouteTableCompiler remembering = new RouteTableCompiler();
            for (ClusterSnapshot less : eachWithoutOneObject(whole)) {
                for (ClusterSnapshot snapshot : List.of(whole, less)) {
                    // When
                    CompileResult result = remembering.compile(snapshot, CompileOptions.DEFAULT);
                    // Then
                    assertThat(result).as("%s", directory).isEqualTo(compile(snapshot));
                }
            }
        }
    }

    private static List<ClusterSnapshot> eachWithoutOneObject(ClusterSnapshot all) {
        List<ClusterSnapshot> result = new ArrayList<>();
        for (var one : all.classes()) {
            result.add(new ClusterSnapshot(
                    without(all.classes(), one),
                    all.ingresses(),
                    all.webSocketRoutes(),
                    all.services(),
                    all.endpointSlices(),
                    all.secrets()));
        }
        for (var one : all.services()) {
            result.add(new ClusterSnapshot(
                    all.classes(),
                    all.ingresses(),
                    all.webSocketRoutes(),
                    without(all.services(), one),
                    all.endpointSlices(),
                    all.secrets()));
        }
        for (var one : all.endpointSlices()) {
            result.add(new ClusterSnapshot(
                    all.classes(),
                    all.ingresses(),
                    all.webSocketRoutes(),
                    all.services(),
                    without(all.endpointSlices(), one),
                    all.secrets()));
        }
        for (var one : all.secrets()) {
            result.add(new ClusterSnapshot(
                    all.classes(),
                    all.ingresses(),
                    all.webSocketRoutes(),
                    all.services(),
                    all.endpointSlices(),
                    without(all.secrets(), one)));
        }
        for (var one : all.webSocketRoutes()) {
            result.add(new ClusterSnapshot(
                    all.classes(),
                    all.ingresses(),
                    without(all.webSocketRoutes(), one),
                    all.services(),
                    all.endpointSlices(),
                    all.secrets()));
        }
        for (var one : all.ingresses()) {
            result.add(new ClusterSnapshot(
                    all.classes(),
                    without(all.ingresses(), one),
                    all.webSocketRoutes(),
                    all.services(),
                    all.endpointSlices(),
                    all.secrets()));
        }
        return result;
    }

    private static <T> List<T> without(List<T> all, T one) {
        return all.stream().filter(other -> other != one).toList();
    }

    @Test
    void anUnchangedEntryIsTheSameObject() {
        // Given
        RouteTableCompiler compiler = new RouteTableCompiler();
        ClusterSnapshot snapshot =
                manifests(CASES.resolve("ingress-tls-redirects")).snapshot();
        RouteTable first = compiler.compile(snapshot, CompileOptions.DEFAULT).table();
        // When
        RouteTable second = compiler.compile(snapshot, CompileOptions.DEFAULT).table();
        // Then
        assertThat(second.virtualHosts().get("chat.example.com"))
                .isSameAs(first.virtualHosts().get("chat.example.com"));
        assertThat(second.certificates().get("default/chat-tls"))
                .isSameAs(first.certificates().get("default/chat-tls"));
    }

    @Test
    void aPoisonObjectChangesNoEntryOfItsNeighbours() {
        for (Path directory : cases()) {
            // Given: a host of its own domain; the certificate of a wildcard is also for its neighbours under it
            List<JsonNode> healthy = documents(CASES.resolve("poison-service-missing/in/cluster.yaml"));
            healthy.stream()
                    .filter(object -> object.path("kind").asText().equals("Ingress"))
                    .map(object ->
                            (ObjectNode) object.path("spec").path("rules").path(0))
                    .forEach(rule -> rule.put("host", "healthy.test"));
            List<JsonNode> all = new ArrayList<>(healthy);
            documents(directory).stream()
                    .filter(object ->
                            !object.path("metadata").path("name").asText().equals("healthy"))
                    .filter(object -> healthy.stream().noneMatch(known -> sameName(known, object)))
                    .forEach(all::add);
            CompileResult alone = compile(snapshot(healthy));
            // When
            CompileResult together = compile(snapshot(all));
            // Then
            assertThat(together.table().virtualHosts().get("healthy.test"))
                    .as("%s", directory)
                    .isNotNull()
                    .isEqualTo(alone.table().virtualHosts().get("healthy.test"));
            assertThat(together.table().upstreams().get("default/healthy:80"))
                    .isEqualTo(alone.table().upstreams().get("default/healthy:80"));
            assertThat(together.table().endpoints().get("default/healthy:80"))
                    .isEqualTo(alone.table().endpoints().get("default/healthy:80"));
            assertThat(of("healthy", together)).isEqualTo(of("healthy", alone));
        }
    }

    @Test
    void noJunkEverMakesCompileThrow() {
        // Given
        List<List<JsonNode>> seeds =
                cases().stream().map(CompilePropertyTest::documents).toList();
        int compiled = 0;
        for (int seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            Manifests manifests = new Manifests().add(CLUSTER);
            for (JsonNode object : seeds.get(random.nextInt(seeds.size()))) {
                ObjectNode copy = object.deepCopy();
                mutate(copy, random, 1 + random.nextInt(3));
                try {
                    manifests.add(copy);
                } catch (IllegalArgumentException | AssertionError e) {
                    // Not even the shape of its kind: a file that does not parse, which never reaches a snapshot.
                    continue;
                }
            }
            // When
            CompileResult result = compile(manifests.snapshot());
            // Then
            compiled++;
            assertThat(result.diagnostics())
                    .as("seed %d", seed)
                    .noneMatch(diagnostic -> HealthyNeighbour.isUnforeseen(diagnostic.message()));
            assertThat(result.diagnostics().size())
                    .isLessThanOrEqualTo(Findings.MAX * result.subjects().size());
            MatchIndex.of(result.table());
        }
        assertThat(compiled).isEqualTo(3000);
    }

    @Test
    void aRouteIdIsUniqueInItsTable() {
        for (Path directory : cases()) {
            // When
            RouteTable table = compile(manifests(directory).snapshot()).table();
            // Then
            assertThat(table.virtualHosts().values().stream()
                            .flatMap(host -> host.routes().stream())
                            .map(Route::id))
                    .as("%s", directory)
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    void noKeyMaterialReachesADiagnosticOrAPrintout() {
        for (Path directory : cases()) {
            // When
            CompileResult result = compile(manifests(directory).snapshot());
            // Then
            assertThat(result.toString())
                    .as("%s", directory)
                    .doesNotContain("PRIVATE KEY-----\\n", "MIGHAgEAMB", "MHcCAQEE");
        }
    }

    @Test
    void aThousandRoutesCompileWithinABlink() {
        // Given
        Manifests manifests = new Manifests().add(CLUSTER);
        for (int i = 0; i < 1000; i++) {
            manifests.add("""
                    kind: WebSocketRoute
                    metadata: {name: route-%1$d, namespace: default}
                    spec: {hostnames: [host-%1$d.example.com], rules: [{matches: [{path: {value: /a}}], backendRefs: [{name: svc-%1$d, port: 80}]}]}
                    ---
                    kind: Service
                    metadata: {name: svc-%1$d, namespace: default}
                    spec: {ports: [{port: 80}]}
                    ---
                    kind: EndpointSlice
                    metadata: {name: svc-%1$d-a, namespace: default, labels: {kubernetes.io/service-name: svc-%1$d}}
                    addressType: IPv4
                    ports: [{port: 8080}]
                    endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]
                    """.formatted(i));
        }
        ClusterSnapshot snapshot = manifests.snapshot();
        RouteTableCompiler compiler = new RouteTableCompiler();
        // When
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 50; i++) {
            long start = System.nanoTime();
            assertThat(compiler.compile(snapshot, CompileOptions.DEFAULT)
                            .table()
                            .routeCount())
                    .isEqualTo(1000);
            best = Math.min(best, System.nanoTime() - start);
        }
        // Then
        System.out.printf("compile of 1000 routes, warm: %.1f ms%n", best / 1e6);
        assertThat(best).isLessThan(1_000_000_000L);
    }

    private static List<Diagnostic> of(String name, CompileResult result) {
        return result.diagnostics().stream()
                .filter(diagnostic -> diagnostic.subject().name().equals(name))
                .toList();
    }

    private static boolean sameName(JsonNode one, JsonNode other) {
        return one.path("kind").equals(other.path("kind"))
                && one.path("metadata")
                        .path("name")
                        .equals(other.path("metadata").path("name"))
                && one.path("metadata")
                        .path("namespace")
                        .equals(other.path("metadata").path("namespace"));
    }

    private static void mutate(JsonNode node, Random random, int times) {
        for (int i = 0; i < times; i++) {
            List<JsonNode> containers = new ArrayList<>();
            collect(node, containers);
            JsonNode target = containers.get(random.nextInt(containers.size()));
            switch (target) {
                case ObjectNode object
                when !object.isEmpty() -> {
                    List<String> names = new ArrayList<>();
                    object.fieldNames().forEachRemaining(names::add);
                    String name = names.get(random.nextInt(names.size()));
                    if (!name.equals("kind")) {
                        JsonNode old = object.remove(name);
                        object.set(random.nextInt(8) == 0 ? name + "x" : name, junk(random, old));
                    }
                }
                case ArrayNode array
                when !array.isEmpty() -> {
                    int index = random.nextInt(array.size());
                    array.set(index, junk(random, array.get(index)));
                }
                default -> {}
            }
        }
    }

    private static void collect(JsonNode node, List<JsonNode> containers) {
        if (node.isContainerNode()) {
            containers.add(node);
            node.forEach(child -> collect(child, containers));
        }
    }

    private static JsonNode junk(Random random, JsonNode old) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        return switch (random.nextInt(14)) {
            case 0 -> json.nullNode();
            case 1 -> json.numberNode(random.nextInt());
            case 2 -> json.textNode("");
            case 3 -> json.textNode("\u0000\u001b[31m\ud800 %zz ../..; ☃".repeat(1 + random.nextInt(3)));
            case 4 -> json.textNode("x".repeat(5000));
            case 5 -> json.objectNode();
            case 6 -> json.arrayNode();
            case 7 -> json.booleanNode(random.nextBoolean());
            case 8 -> json.numberNode(1e300);
            case 9 -> json.arrayNode().add(old).add(old);
            case 10 -> json.textNode("a".repeat(1100));
            case 11 -> json.textNode("[::ffff:1.2.3.4]");
            case 12 -> json.textNode("*.*.");
            default -> old;
        };
    }

    private static ClusterSnapshot shuffled(ClusterSnapshot snapshot, Random random) {
        return new ClusterSnapshot(
                shuffled(snapshot.classes(), random),
                shuffled(snapshot.ingresses(), random),
                shuffled(snapshot.webSocketRoutes(), random),
                shuffled(snapshot.services(), random),
                shuffled(snapshot.endpointSlices(), random),
                shuffled(snapshot.secrets(), random));
    }

    private static <T> List<T> shuffled(List<T> list, Random random) {
        List<T> copy = new ArrayList<>(list);
        Collections.shuffle(copy, random);
        return copy;
    }

    private static CompileResult compile(ClusterSnapshot snapshot) {
        return new RouteTableCompiler().compile(snapshot, CompileOptions.DEFAULT);
    }

    private static ClusterSnapshot snapshot(List<JsonNode> objects) {
        Manifests manifests = new Manifests();
        objects.forEach(manifests::add);
        return manifests.snapshot();
    }

    private static Manifests manifests(Path directory) {
        Manifests manifests = new Manifests();
        documents(directory).forEach(manifests::add);
        return manifests;
    }

    private static List<Path> cases() {
        try (Stream<Path> directories = Files.list(CASES)) {
            return directories.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<JsonNode> documents(Path directory) {
        Path in = Files.isDirectory(directory) ? directory.resolve("in") : directory;
        try (Stream<Path> files = Files.walk(in)) {
            return files.filter(Files::isRegularFile)
                    .sorted()
                    .flatMap(file -> Manifests.documents(read(file)).stream())
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

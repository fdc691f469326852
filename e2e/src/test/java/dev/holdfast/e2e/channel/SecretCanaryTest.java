package dev.holdfast.e2e.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.e2e.process.Ports;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.operator.ClusterOperator;
import dev.holdfast.operator.Compilation;
import dev.holdfast.operator.OperatorConfig;
import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.watch.TolerantClients;
import dev.holdfast.operator.watch.WatchConfig;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.match.MatchIndex;
import dev.holdfast.routetable.update.TableChanges;
import dev.holdfast.routetable.update.TableUpdate;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Both processes log all they can; what is secret is searched for in everything that leaves them. */
@Timeout(240)
class SecretCanaryTest {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final int PIECE = 24;
    private static final List<String> LOUD =
            List.of("env", "HOLDFAST_LOG_LEVEL=debug", "HOLDFAST_LIBRARY_LOG_LEVEL=debug");

    @TempDir
    private Path work;

    private final MockCluster cluster = new MockCluster();
    private final EchoBackend backend = new EchoBackend("backend");
    private final int streamPort = Ports.free();
    private final int httpPort = Ports.free();
    private final int operatorAdmin = Ports.free();
    private final int dataPlaneAdmin = Ports.free();

    @AfterEach
    void stop() {
        cluster.close();
        backend.close();
    }

    @Test
    void whatIsSecretIsNowhereButWhereItIsKept() throws Exception {
        // Given keys and tokens that can be told anywhere, good ones and broken ones
        X509Bundle bundle = bundle();
        String broken = "-----BEGIN PRIVATE KEY-----\n" + "Q0FOQVJZ".repeat(12) + "\n-----END PRIVATE KEY-----\n";
        createSecret("good", bundle.getCertificatePathPEM(), bundle.getPrivateKeyPEM());
        createSecret("broken", bundle.getCertificatePathPEM(), broken);
        cluster.createService("echo", backend.port());
        createRoute("first", "good");
        createRoute("second", "broken");
        String token = cluster.token("dp-1");
        String foreign = cluster.token("dp-2");
        Map<String, String> secrets = new LinkedHashMap<>();
        secrets.put("key", bundle.getPrivateKeyPEM());
        secrets.put("broken key", broken);
        secrets.put("token", token);
        secrets.put("foreign token", foreign);

        // When both processes run, one data plane more with the token of another pod, and everything is asked
        Map<String, String> places = runAndAsk(token, foreign);
        secrets.put("CA key", authorityKey());

        // Then no part of a secret is in any of it
        assertThat(secrets)
                .allSatisfy(
                        (secret, value) -> assertThat(pieces(value)).as(secret).isNotEmpty());
        Set<String> hits = new TreeSet<>();
        secrets.forEach((secret, value) -> places.forEach((place, text) -> {
            if (pieces(value).stream().anyMatch(text::contains)) {
                hits.add(secret + " in " + place);
            }
        }));
        System.out.printf(
                "figure: R39 secrets %d, places %d of %d characters, plaintext hits %d%n",
                secrets.size(),
                places.size(),
                places.values().stream().mapToInt(String::length).sum(),
                hits.size());
        assertThat(hits).isEmpty();
        assertThat(number(bundle.getPrivateKeyPEM())).isPresent();
        assertThat(places.get("operator log")).as("it was loud").contains("DEBUG");
        String kept = Files.readString(state());
        assertThat(pieces(bundle.getPrivateKeyPEM()))
                .as("the search finds what is there")
                .anyMatch(kept::contains);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state())))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state().getParent())))
                .isEqualTo("rwx------");
    }

    /** Runs both processes, and returns what they said by where they said it. */
    private Map<String, String> runAndAsk(String token, String foreign) throws Exception {
        Map<String, String> places = new LinkedHashMap<>();
        try (JavaProcess operator = startOperator();
                JavaProcess dataPlane = startDataPlane("dp-1", token, httpPort, dataPlaneAdmin);
                JavaProcess denied = startDataPlane("dp-3", foreign, 0, 0)) {
            await().atMost(SOON).until(() -> mounted() && RawGet.status(httpPort, "first.test") == 200);
            denied.await("the operator answered 403", SOON);
            for (String path : List.of("/metrics", "/readyz", "/healthz")) {
                places.put("operator " + path, get(operatorAdmin, path));
            }
            for (String path : List.of("/metrics", "/readyz", "/tables")) {
                places.put("data plane " + path, get(dataPlaneAdmin, path));
            }
            await().atMost(SOON).until(() -> Files.exists(state()));
            await().atMost(SOON).until(() -> written().contains("Programmed"));
            places.put("cluster", written());
            dataPlane.seekLeaks(httpPort);
            dataPlane.terminate(Duration.ofSeconds(60));
            operator.terminate(Duration.ofSeconds(60));
            denied.terminate(Duration.ofSeconds(60));
            places.put("operator log", operator.output());
            places.put("data plane log", dataPlane.output());
            places.put("denied data plane log", denied.output());
        }
        return places;
    }

    @Test
    void noKeyIsInTheTextOfWhatIsCompiledAndSent() throws Exception {
        // Given
        X509Bundle bundle = bundle();
        createSecret("good", bundle.getCertificatePathPEM(), bundle.getPrivateKeyPEM());
        cluster.createService("echo", backend.port());
        createRoute("first", "good");
        Config kubernetes = new ConfigBuilder(Config.empty())
                .withMasterUrl(cluster.client().getMasterUrl().toString())
                .withHttp2Disable(true)
                .build();

        // When
        StringBuilder text = new StringBuilder();
        try (ClusterOperator operator = new ClusterOperator(
                new ClusterOperator.Config(
                        OperatorConfig.of(CompileOptions.DEFAULT, 0), WatchConfig.of(List.of()), null, null),
                () -> TolerantClients.open(kubernetes),
                new SimpleMeterRegistry())) {
            operator.start();
            await().atMost(SOON)
                    .until(() -> operator.operator()
                            .last()
                            .filter(last ->
                                    !last.published().table().certificates().isEmpty())
                            .isPresent());
            Compilation last = operator.operator().last().orElseThrow();
            RouteTable table = last.published().table();
            TableVersion version = last.published().version();
            TableChanges changes = TableChanges.between(RouteTable.EMPTY, table);
            text.append(last)
                    .append(new TableUpdate.FullTable(version, table))
                    .append(new TableUpdate.TableDelta(version, version, changes))
                    .append(new ActiveTable(version, table, MatchIndex.of(table), Map.of()));
        }

        // Then
        assertThat(text).contains("first.test").contains("<redacted>");
        assertThat(pieces(bundle.getPrivateKeyPEM())).isNotEmpty().noneMatch(piece -> text.indexOf(piece) >= 0);
    }

    private static X509Bundle bundle() throws Exception {
        return new CertificateBuilder()
                .subject("CN=first.test")
                .addSanDnsName("first.test")
                .ecp256()
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
    }

    /**
     * Pieces of a secret in every form it may take: of a key its number in hexadecimal, in decimal and within any
     * Base64, of a text its parts; and of each of these any Base64, in which a Secret holds it.
     */
    private static Set<String> pieces(String secret) {
        Set<String> pieces = new LinkedHashSet<>();
        Optional<BigInteger> number = number(secret);
        if (number.isPresent()) {
            byte[] signed = number.get().toByteArray();
            byte[] last = Arrays.copyOfRange(signed, signed.length - 30, signed.length);
            pieces.add(HexFormat.of().formatHex(last));
            pieces.add(number.get().toString());
            // A line of PEM may end within one of them, not within both.
            pieces.addAll(base64(Arrays.copyOf(last, 15)));
            pieces.addAll(base64(Arrays.copyOfRange(last, 15, 30)));
        } else {
            String body =
                    secret.lines().filter(line -> !line.startsWith("-----")).collect(Collectors.joining());
            for (int at = body.length() / 2; at + PIECE <= body.length(); at += PIECE) {
                pieces.add(body.substring(at, at + PIECE));
            }
        }
        for (String piece : List.copyOf(pieces)) {
            pieces.addAll(base64(piece.getBytes(StandardCharsets.US_ASCII)));
        }
        return pieces;
    }

    /** What is in any Base64 of something that has these bytes in it, wherever they begin. */
    private static List<String> base64(byte[] bytes) {
        List<String> forms = new ArrayList<>();
        for (int shift = 0; shift < 3; shift++) {
            int length = (bytes.length - shift) / 3 * 3;
            forms.add(Base64.getEncoder().encodeToString(Arrays.copyOfRange(bytes, shift, shift + length)));
        }
        return forms;
    }

    private static Optional<BigInteger> number(String pem) {
        if (!pem.startsWith("-----BEGIN PRIVATE KEY-----")) {
            return Optional.empty();
        }
        try {
            byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
            PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
            return key instanceof ECPrivateKey elliptic ? Optional.of(elliptic.getS()) : Optional.empty();
        } catch (GeneralSecurityException e) {
            return Optional.empty();
        }
    }

    private JavaProcess startOperator() throws IOException {
        return JavaProcess.start(
                LOUD,
                "dev.holdfast.cli.HoldfastMain",
                List.of("-Dlog4j2.configurationFile=log4j2-operator.xml"),
                List.of(
                        "operator",
                        "--kubeconfig=" + cluster.kubeconfig(work),
                        "--loopback-endpoints",
                        "--leader-election=false",
                        "--status-patch=JSON_PATCH",
                        "--stream-port=" + streamPort,
                        "--stream-dns-names=localhost",
                        "--data-plane-service-account=edge/proxy",
                        "--admin-address=127.0.0.1",
                        "--admin-port=" + operatorAdmin));
    }

    private JavaProcess startDataPlane(String name, String token, int http, int admin) throws IOException {
        Path file = Files.writeString(work.resolve(name + ".token"), token);
        return JavaProcess.start(
                LOUD,
                "dev.holdfast.cli.HoldfastMain",
                List.of(),
                List.of(
                        "dataplane",
                        "--name=" + name,
                        "--operator=https://localhost:" + streamPort,
                        "--operator-ca=" + work.resolve("ca.crt"),
                        "--operator-token=" + file,
                        "--state-dir=" + work.resolve(name + "-state"),
                        "--http=127.0.0.1:" + http,
                        "--https=127.0.0.1:0",
                        "--accept-grace=PT0S",
                        "--drain-window=PT1S",
                        "--admin=127.0.0.1:" + admin));
    }

    private Path state() {
        return work.resolve("dp-1-state").resolve("last-known-good.json");
    }

    /** Does what a kubelet does for a volume of a ConfigMap. */
    private boolean mounted() throws IOException {
        ConfigMap map = cluster.client()
                .configMaps()
                .inNamespace("shop")
                .withName("holdfast-stream-ca")
                .get();
        if (map != null) {
            Files.writeString(work.resolve("ca.crt"), map.getData().getOrDefault("ca.crt", ""));
        }
        return map != null;
    }

    private String authorityKey() {
        String data = cluster.client()
                .secrets()
                .inNamespace("shop")
                .withName("holdfast-stream-ca")
                .get()
                .getData()
                .getOrDefault("ca.key", "");
        return new String(Base64.getDecoder().decode(data), StandardCharsets.UTF_8);
    }

    /** What the operator wrote where others read it: status, Events, the bundle. */
    private String written() {
        List<HasMetadata> objects = new ArrayList<>();
        objects.addAll(cluster.client()
                .genericKubernetesResources("holdfast.dev/v1alpha1", "WebSocketRoute")
                .inNamespace("shop")
                .list()
                .getItems());
        objects.addAll(cluster.client().v1().events().inNamespace("shop").list().getItems());
        objects.addAll(cluster.client().configMaps().inNamespace("shop").list().getItems());
        return Serialization.asJson(objects);
    }

    private void createSecret(String name, String certificate, String key) {
        Base64.Encoder base64 = Base64.getEncoder();
        cluster.create("""
                apiVersion: v1
                kind: Secret
                metadata: {name: %s, namespace: shop}
                type: kubernetes.io/tls
                data: {tls.crt: %s, tls.key: %s}
                """.formatted(
                        name,
                        base64.encodeToString(certificate.getBytes(StandardCharsets.UTF_8)),
                        base64.encodeToString(key.getBytes(StandardCharsets.UTF_8))));
    }

    private void createRoute(String name, String secret) {
        cluster.create("""
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: %s, namespace: shop, generation: 1}
                spec:
                  ingressClassName: holdfast
                  hostnames: [%s.test]
                  tls: {secretName: %s, plaintext: Serve}
                  rules: [{backendRefs: [{name: echo, port: 80}]}]
                """.formatted(name, name, secret));
    }

    private static String get(int port, String path) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            URI uri = URI.create("http://127.0.0.1:" + port + path);
            return client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString())
                    .body();
        }
    }
}

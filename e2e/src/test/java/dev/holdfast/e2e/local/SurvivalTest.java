package dev.holdfast.e2e.local;

import static dev.holdfast.e2e.local.ManifestDirectory.route;
import static dev.holdfast.e2e.local.ManifestDirectory.secret;
import static dev.holdfast.e2e.local.ManifestDirectory.service;
import static dev.holdfast.e2e.local.ManifestDirectory.slice;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.TunnelFleet;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The promise: no change of configuration ever drops a tunnel. */
class SurvivalTest {
    private static final int TUNNELS = Integer.getInteger("survival.tunnels", 1_000);
    private static final int EDITS = Integer.getInteger("survival.edits", 1_000);
    private static final long SEED = Long.getLong("survival.seed", 20_261_121L);
    private static final String PLAINTEXT_TOO = "tls: {secretName: chat-tls, plaintext: Serve}";

    private final Random random = new Random(SEED);
    private final List<X509Bundle> certificates = new ArrayList<>();

    @Test
    void aThousandTunnelsSurviveAThousandRandomEdits(@TempDir Path root) throws Exception {
        // Given
        for (int i = 0; i < 5; i++) {
            certificates.add(new CertificateBuilder()
                    .subject("CN=chat.test")
                    .addSanDnsName("chat.test")
                    .ecp256()
                    .setIsCertificateAuthority(true)
                    .buildSelfSigned());
        }
        ManifestDirectory manifests = new ManifestDirectory(root);
        try (EchoBackend first = new EchoBackend("first");
                EchoBackend second = new EchoBackend("second");
                TunnelFleet fleet = new TunnelFleet()) {
            writeChat(manifests, "");
            writeCertificate(manifests, 0);
            manifests.write("endpoints.yaml", slice("chat", first.port(), second.port()));
            try (LocalMode local = LocalMode.serve(manifests.path())) {
                fleet.open(TUNNELS / 2, URI.create("ws://chat.test:" + local.httpPort() + "/chat"));
                fleet.open(TUNNELS - TUNNELS / 2, URI.create("wss://chat.test:" + local.httpsPort() + "/chat"));
                long versionBefore = tableVersion(local);

                // When
                for (int i = 0; i < EDITS; i++) {
                    edit(manifests, i, first.port(), second.port());
                    Thread.sleep(15);
                }
                Thread.sleep(500);
                int open = fleet.openTunnels();
                long bytesLost = fleet.settle(Duration.ofSeconds(30));

                // Then
                long versions = tableVersion(local) - versionBefore;
                System.out.printf(
                        "survival: tunnels %d, edits %d, tables served %d, messages %d, drops %d, bytes lost %d, seed %d%n",
                        TUNNELS, EDITS, versions, fleet.messages(), fleet.drops(), bytesLost, SEED);
                assertThat(fleet.drops())
                        .as("drops; first: %s", fleet.firstDrop())
                        .isZero();
                assertThat(open).isEqualTo(TUNNELS);
                assertThat(bytesLost).as("bytes lost, repeated or wrong").isZero();
                assertThat(fleet.messages()).isGreaterThan(TUNNELS * 2L);
                assertThat(versions).as("tables that the edits made").isGreaterThan(EDITS / 4);
            }
        }
    }

    private void edit(ManifestDirectory manifests, int number, int first, int second) throws IOException {
        String other = "other-" + random.nextInt(20);
        switch (random.nextInt(9)) {
            case 0, 1 -> writeOther(manifests, other, "/v" + number);
            case 2 -> manifests.delete(other + ".yaml");
            case 3 -> manifests.write("endpoints.yaml", slice("chat", randomEndpoints(first, second)));
            case 4 -> writeCertificate(manifests, random.nextInt(certificates.size()));
            case 5 -> manifests.write("backends.yaml", service("other") + slice("other", 20_000 + number));
            case 6 -> writeChat(manifests, "timeouts: {idle: " + (10 + number) + "m}");
            case 7 -> manifests.write(other + ".yaml", "kind: Ingress\n  broken: [yaml");
            default -> editOwnRoute(manifests, number);
        }
    }

    /** The tunnels' own route is moved to another path, deleted, or put back; they keep the one they were opened with. */
    private void editOwnRoute(ManifestDirectory manifests, int number) throws IOException {
        switch (random.nextInt(3)) {
            case 0 -> manifests.delete("chat.yaml");
            case 1 -> manifests.write("chat.yaml", route("chat", "chat.test", "/moved" + number, "chat", "", ""));
            default -> writeChat(manifests, "");
        }
    }

    private int[] randomEndpoints(int first, int second) {
        return switch (random.nextInt(4)) {
            case 0 -> new int[] {first};
            case 1 -> new int[] {second};
            case 2 -> new int[] {};
            default -> new int[] {first, second};
        };
    }

    private static void writeChat(ManifestDirectory manifests, String more) throws IOException {
        manifests.write(
                "chat.yaml", service("chat") + route("chat", "chat.test", "/chat", "chat", PLAINTEXT_TOO, more));
    }

    private static void writeOther(ManifestDirectory manifests, String name, String path) throws IOException {
        manifests.write(name + ".yaml", route(name, name + ".test", path, "other", "", ""));
    }

    private void writeCertificate(ManifestDirectory manifests, int number) throws IOException {
        X509Bundle bundle = certificates.get(number);
        manifests.write(
                "certificate.yaml", secret("chat-tls", bundle.getCertificatePathPEM(), bundle.getPrivateKeyPEM()));
    }

    private static long tableVersion(LocalMode local) throws IOException, InterruptedException {
        String dump = local.admin("/tables").body();
        var matcher =
                java.util.regex.Pattern.compile("\"sequence\"\\s*:\\s*(\\d+)").matcher(dump);
        assertThat(matcher.find()).as("a version in /tables: %s", dump).isTrue();
        return Long.parseLong(matcher.group(1));
    }
}

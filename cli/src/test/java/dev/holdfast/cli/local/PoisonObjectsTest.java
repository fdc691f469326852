package dev.holdfast.cli.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.cli.local.LocalConfig.Origin;
import dev.holdfast.cli.local.LocalConfig.Ports;
import dev.holdfast.cli.local.TextPrintout.Ink;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One bad object beside a healthy one: the neighbour is served, before and across the edit, and the owner is told. */
@Timeout(120)
class PoisonObjectsTest {
    private static final Duration SOON = Duration.ofSeconds(10);

    private static final String HEALTHY = """
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata: {name: holdfast}
            spec: {controller: holdfast.dev/ingress-controller}
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: app
              annotations: {holdfast.dev/local-endpoints: builtin:echo/app}
            spec: {ports: [{port: 80}]}
            ---
            apiVersion: holdfast.dev/v1alpha1
            kind: WebSocketRoute
            metadata: {name: healthy}
            spec:
              hostnames: [healthy.localhost]
              rules: [{backendRefs: [{name: app, port: 80}]}]
            """;

    /** What is wrong, and what the printout says about it. */
    private enum Poison {
        BAD_PEM(
                route("", "tls: {secretName: poison-tls}", "app, port: 80") + """
                        ---
                        apiVersion: v1
                        kind: Secret
                        metadata: {name: poison-tls}
                        type: kubernetes.io/tls
                        stringData: {tls.crt: not a certificate, tls.key: not a key}
                        """,
                "spec.tls.secretName",
                "Secret default/poison-tls: tls.crt has no certificate"
                        + " (expected: at least one block BEGIN CERTIFICATE)"),
        BAD_REGEX(
                route("matches: [{path: {type: RegularExpression, value: '/(a'}}], ", "", "app, port: 80"),
                "spec.rules[0].matches[0].path.value",
                "missing closing ) (expected: an RE2 expression"),
        UNKNOWN_ENUM(
                route("matches: [{path: {type: Glob, value: /a}}], ", "", "app, port: 80"),
                "spec.rules[0].matches[0].path.type",
                "\"Glob\" (expected: one of Exact, PathPrefix, RegularExpression)"),
        MISSING_SECRET(
                route("", "tls: {secretName: nowhere}", "app, port: 80"),
                "spec.tls.secretName",
                "Secret default/nowhere does not exist"),
        MISSING_SERVICE(
                route("", "", "gone, port: 80"),
                "spec.rules[0].backendRefs[0].name",
                "Service default/gone does not exist (expected: a Service in this namespace); create it"),
        DANGLING_PORT(
                route("", "", "app, port: 81"),
                "spec.rules[0].backendRefs[0].port",
                "Service default/app has no TCP port 81 (expected: 80); correct the port");

        private final String manifest;
        private final String field;
        private final String message;

        Poison(String manifest, String field, String message) {
            this.manifest = manifest;
            this.field = field;
            this.message = message;
        }

        private static String route(String matches, String tls, String backend) {
            return """
                    apiVersion: holdfast.dev/v1alpha1
                    kind: WebSocketRoute
                    metadata: {name: poison}
                    spec:
                      hostnames: [poison.localhost]
                      %s
                      rules: [{%sbackendRefs: [{name: %s}]}]
                    """.formatted(tls, matches, backend);
        }
    }

    @TempDir
    private Path temp;

    private final Browser browser = new Browser();
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private @Nullable LocalMode mode;

    @AfterEach
    void stop() {
        browser.close();
        if (mode != null) {
            mode.close();
        }
    }

    private Ports start() throws IOException, InterruptedException {
        LocalMode started = LocalMode.start(
                new LocalConfig(new Origin.Directory(temp), Ports.ANY, Duration.ZERO),
                new TextPrintout(new PrintStream(printed, true, StandardCharsets.UTF_8), Ink.PLAIN));
        mode = started;
        return started.ports();
    }

    private void replace(String file, String content) throws IOException {
        Path fresh = Files.writeString(temp.resolve("." + file), content);
        Files.move(fresh, temp.resolve(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private int status(Ports ports, String host) {
        try {
            return browser.get("http://" + host + ":" + ports.http() + "/").statusCode();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private String text() {
        return printed.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @EnumSource
    void aPoisonedObjectIsToldAndLeavesItsNeighbourAlone(Poison poison) throws IOException, InterruptedException {
        // Given
        replace("healthy.yaml", HEALTHY);
        Ports ports = start();
        Browser.Tab tab = browser.open("ws://healthy.localhost:" + ports.http() + "/");

        // When
        replace("poison.yaml", poison.manifest);

        // Then
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(text())
                        .contains("✗ WebSocketRoute default/poison " + poison.field + ": ")
                        .contains(poison.message));
        assertThat(status(ports, "healthy.localhost")).isEqualTo(200);
        assertThat(tab.echo("still here")).isEqualTo("still here");
        replace("healthy.yaml", HEALTHY.replace("[healthy.localhost]", "[healthy.localhost, fresh.localhost]"));
        await().atMost(SOON).until(() -> status(ports, "fresh.localhost") == 200);
        assertThat(tab.echo("still here too")).isEqualTo("still here too");
        Files.delete(temp.resolve("poison.yaml"));
        await().atMost(SOON)
                .untilAsserted(
                        () -> assertThat(text()).contains("✓ solved: WebSocketRoute default/poison " + poison.field));
        assertThat(status(ports, "healthy.localhost")).isEqualTo(200);
        assertThat(Objects.requireNonNull(mode).tunnelsOpen()).isEqualTo(1);
    }
}

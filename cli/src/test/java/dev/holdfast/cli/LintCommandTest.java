package dev.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class LintCommandTest {
    private static final Path EXAMPLES =
            Path.of(Objects.requireNonNull(System.getProperty("holdfast.root")), "deploy", "examples");
    private static final String ROUTE = """
            apiVersion: holdfast.dev/v1alpha1
            kind: WebSocketRoute
            metadata: {name: chat}
            spec:
              hostnames: [chat.localhost]
              rules:
              - backendRefs: [{name: nobody, port: 80}]
            """;

    @TempDir
    private Path temp;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        CommandLine line = HoldfastMain.commandLine(new PrintWriter(out));
        line.setErr(new PrintWriter(err));
        return line.execute(arguments);
    }

    @Test
    void soundManifestsAreStatusZero() {
        // Given
        String directory = EXAMPLES.toString();

        // When
        int status = run("lint", "-f", directory, "--strict");

        // Then
        assertThat(status).as(out.toString()).isZero();
        assertThat(out.toString()).contains("0 errors, 0 warnings");
    }

    @Test
    void anErrorNamesObjectFieldAndRemedyAndIsStatusOne() throws IOException {
        // Given
        Files.writeString(temp.resolve("a.yaml"), ROUTE);

        // When
        int status = run("lint", "-f", temp.toString());

        // Then
        assertThat(status).isEqualTo(1);
        assertThat(out.toString())
                .contains("error   WebSocketRoute default/chat spec.rules[0].backendRefs[0]")
                .contains("nobody")
                .contains("(BackendNotFound, see docs/diagnostics.md)");
    }

    @Test
    void aFileThatCannotBeReadIsStatusTwo() throws IOException {
        // Given
        Files.writeString(temp.resolve("a.yaml"), ROUTE + "  hostnames: []\n");

        // When
        int status = run("lint", "-f", temp.toString());

        // Then
        assertThat(status).isEqualTo(2);
        assertThat(out.toString()).contains("error   a.yaml:8: ");
    }

    @Test
    void whatWasWrittenForAnotherControllerIsJudgedByItsClass() throws IOException {
        // Given
        Files.writeString(temp.resolve("exported.yaml"), """
                apiVersion: v1
                kind: List
                items:
                - apiVersion: networking.k8s.io/v1
                  kind: IngressClass
                  metadata: {name: public}
                  spec: {controller: k8s.io/ingress-nginx}
                - apiVersion: networking.k8s.io/v1
                  kind: Ingress
                  metadata:
                    name: chat
                    namespace: shop
                    annotations: {nginx.ingress.kubernetes.io/auth-url: "https://auth.example.com"}
                  spec:
                    ingressClassName: public
                    rules:
                    - host: chat.example.com
                      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: chat, port: {number: 80}}}}]}
                """);

        // When
        int ofOurClass = run("lint", "-f", temp.toString());
        String ours = out.toString();
        int ofTheirs =
                run("lint", "-f", temp.toString(), "--class", "nginx", "--controller-value", "k8s.io/ingress-nginx");

        // Then
        assertThat(ofOurClass).isZero();
        assertThat(ours).contains("note    objects of class \"public\" are another controller's, not looked at: 1");
        assertThat(ofTheirs).isEqualTo(1);
        assertThat(out.toString())
                .contains("Ingress shop/chat metadata.annotations[nginx.ingress.kubernetes.io/auth-url]");
    }

    @Test
    void aProgramGetsOneObjectPerLine() throws IOException {
        // Given
        Files.writeString(temp.resolve("a.yaml"), ROUTE);

        // When
        int status = run("lint", "-f", temp.toString(), "-o", "json");

        // Then
        assertThat(status).isEqualTo(1);
        assertThat(out.toString().lines()).hasSize(2).first().asString().startsWith("{\"event\":\"problem\",");
        assertThat(out.toString().lines().toList().getLast())
                .isEqualTo(
                        "{\"event\":\"summary\",\"objects\":1,\"routes\":1,\"errors\":1,\"warnings\":0,\"unreadable\":false}");
        assertThat(out.toString()).contains("\"code\":\"BACKEND_NOT_FOUND\"").contains("\"name\":\"chat\"");
    }

    @Test
    void aProgramIsToldOfWhatWasNotLookedAt() throws IOException {
        // Given
        Files.writeString(temp.resolve("a.yaml"), ROUTE.replace("spec:", "spec:\n  ingressClassName: theirs"));

        // When
        int status = run("lint", "-f", temp.toString(), "-o", "json");

        // Then
        assertThat(status).isZero();
        assertThat(out.toString().lines())
                .containsExactly(
                        "{\"event\":\"notOurs\",\"class\":\"theirs\",\"objects\":1}",
                        "{\"event\":\"summary\",\"objects\":0,\"routes\":0,\"errors\":0,\"warnings\":0,\"unreadable\":false}");
    }

    @Test
    void nothingToLookAtIsAFindingWhenStrict() throws IOException {
        // Given
        Files.writeString(temp.resolve("a.yaml"), ROUTE.replace("spec:", "spec:\n  ingressClassName: theirs"));

        // When
        int status = run("lint", "-f", temp.toString(), "--strict");

        // Then
        assertThat(status).isEqualTo(1);
        assertThat(out.toString()).contains("class \"theirs\"").contains("0 objects, 0 routes: 0 errors, 0 warnings");
    }

    @Test
    void aDirectoryThatIsMissingIsStatusTwo() {
        // Given
        String missing = temp.resolve("missing").toString();

        // When
        int status = run("lint", "-f", missing);

        // Then
        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains(missing + ": cannot be read (expected: a directory of manifests");
    }

    @Test
    void anArgumentThatIsMissingIsStatusTwo() {
        // Given
        String[] arguments = {"lint"};

        // When
        int status = run(arguments);

        // Then
        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains("--filename");
    }

    @Test
    void anArgumentThatIsWrongEndsInAMessageNotInTheUsage() {
        // Given
        String[] arguments = {"local", "--to", "foo"};

        // When
        int status = run(arguments);

        // Then
        assertThat(status).isEqualTo(2);
        assertThat(err.toString().lines())
                .containsExactly(
                        "holdfast: --to: foo (expected: HOST:PORT, for example localhost:3000)",
                        "Try `holdfast local --help`.");
    }

    @Test
    void aCommandThatIsMisspeltIsGuessed() {
        // Given
        String[] arguments = {"lokal"};

        // When
        int status = run(arguments);

        // Then
        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains("'lokal'").contains("Did you mean: holdfast local?");
    }

    @Test
    void everyHelpFitsATerminal() {
        // Given
        String[] commands = {"local", "lint", "operator", "dataplane"};

        for (String command : commands) {
            // When
            int status = run(command, "--help");

            // Then
            assertThat(status).isZero();
        }
        assertThat(out.toString().lines()).allMatch(line -> line.length() <= 80);
    }

    @Test
    void aPortThatIsTakenIsNamedWithARemedy() throws IOException {
        // Given
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            String port = String.valueOf(taken.getLocalPort());

            // When
            int status = run(
                    "local", "-f", EXAMPLES.toString(), "--http-port", port, "--https-port", "0", "--admin-port", "0");

            // Then
            assertThat(status).isEqualTo(2);
            assertThat(err.toString())
                    .contains("127.0.0.1:" + port + " cannot be bound")
                    .contains("choose others with --http-port");
        }
    }
}

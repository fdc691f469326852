package dev.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.DataPlane;
import dev.holdfast.dataplane.DataPlaneConfig;
import dev.holdfast.dataplane.DrainConfig;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.sync.SyncConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CompileCommandTest {
    private static final Path EXAMPLES =
            Path.of(Objects.requireNonNull(System.getProperty("holdfast.root")), "deploy", "examples");

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
    void aDataPlaneServesTheCompiledTableWithoutAnOperator() throws IOException {
        // Given
        Path state = temp.resolve("state");
        int status = run("compile", "-f", EXAMPLES.toString(), "--state-dir", state.toString());

        // When
        ActiveTable served;
        try (DataPlane dataPlane = new DataPlane(aloneWith(state), List.of())) {
            dataPlane.start();
            served = dataPlane.routes().active();
        }

        // Then
        assertThat(status).as(err.toString()).isZero();
        assertThat(served).isNotNull();
        assertThat(out.toString())
                .isEqualToIgnoringNewLines("%d routes, version %s"
                        .formatted(
                                Objects.requireNonNull(served).table().routeCount(),
                                Objects.requireNonNull(served).version()));
    }

    @Test
    void nothingIsWrittenOfManifestsWithAnError() throws IOException {
        // Given
        Files.writeString(temp.resolve("a.yaml"), """
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: chat}
                spec:
                  hostnames: [chat.localhost]
                  rules:
                  - backendRefs: [{name: nobody, port: 80}]
                """);

        // When
        int status = run(
                "compile",
                "-f",
                temp.toString(),
                "--state-dir",
                temp.resolve("state").toString());

        // Then
        assertThat(status).isEqualTo(1);
        assertThat(temp.resolve("state")).doesNotExist();
        assertThat(err.toString()).contains("holdfast lint");
    }

    private static DataPlaneConfig aloneWith(Path state) {
        return new DataPlaneConfig(
                "alone",
                SyncConfig.of(URI.create("http://127.0.0.1:1"), state),
                loopback(),
                ProxyConfig.of(loopback(), null),
                new DrainConfig(Duration.ZERO, Duration.ZERO));
    }

    private static InetSocketAddress loopback() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }
}

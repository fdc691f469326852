package dev.holdfast.operator.watch;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.function.UnaryOperator;

/** An API server that does with each connection what it is told, byte by byte, and a client of it. */
final class ScriptedApi implements AutoCloseable {
    private static final int BACKLOG = 50;

    private final ServerSocket server;
    private final Script script;
    private final KubernetesClient client;

    /** What becomes of a connection, which is closed behind it. */
    interface Script {
        /**
         * Plays.
         *
         * @param head the first request's, a line each
         * @throws IOException if the client went
         */
        void play(Socket connection, String head) throws IOException;
    }

    ScriptedApi(UnaryOperator<ConfigBuilder> config, Script script) throws IOException {
        this.server = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
        this.script = script;
        Thread.ofVirtual().start(this::accept);
        this.client = TolerantClients.open(config.apply(new ConfigBuilder(Config.empty())
                        .withMasterUrl("http://localhost:" + server.getLocalPort())
                        .withHttp2Disable(true)
                        .withWatchReconnectLimit(0))
                .build());
    }

    KubernetesClient client() {
        return client;
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket connection = server.accept();
                Thread.ofVirtual().start(() -> serve(connection));
            } catch (IOException e) {
                // The test is over.
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            BufferedReader in = new BufferedReader(new InputStreamReader(connection.getInputStream(), US_ASCII));
            StringBuilder head = new StringBuilder();
            for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                head.append(line).append('\n');
            }
            script.play(connection, head.toString());
        } catch (IOException e) {
            // The client went.
        }
    }

    @Override
    public void close() throws IOException {
        client.close();
        server.close();
    }
}

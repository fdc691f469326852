package dev.holdfast.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine;

@Timeout(60)
class EchoCommandTest {
    private static final Pattern LISTENS = Pattern.compile("listens on port (\\d+)");
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void itAnswersUntilItIsEnded() throws Exception {
        // Given
        EchoCommand echo = new EchoCommand();
        CommandLine line = commandLine(echo);
        CompletableFuture<Integer> exit = CompletableFuture.supplyAsync(
                () -> line.execute("--port=0", "--name=blue"), Thread::startVirtualThread);
        await().atMost(Duration.ofSeconds(30)).until(() -> out.toString().contains("listens"));
        Matcher listens = LISTENS.matcher(out.toString());
        assertThat(listens.find()).isTrue();

        // When
        String answer;
        try (HttpClient client = HttpClient.newHttpClient()) {
            URI uri = URI.create("http://127.0.0.1:" + listens.group(1) + "/room");
            answer = client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
                    .body();
        }

        // Then
        assertThat(answer).contains("\"backend\" : \"blue\"").contains("\"path\" : \"/room\"");
        echo.end();
        assertThat(exit.get(20, TimeUnit.SECONDS)).isZero();
    }

    @Test
    void aPortInUseIsSaid() throws Exception {
        try (ServerSocket taken = new ServerSocket(0)) {
            // When
            int exit = commandLine(new EchoCommand()).execute("--port=" + taken.getLocalPort());

            // Then
            assertThat(exit).isEqualTo(2);
            assertThat(err.toString()).contains("--port: " + taken.getLocalPort() + " (expected: a free port");
        }
    }

    private CommandLine commandLine(EchoCommand command) {
        return new CommandLine(command).setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    }
}

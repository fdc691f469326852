package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.conformance.Conformance;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Backends that are slow, gone, or leave; and the connections that wait for the next request. */
@Timeout(60)
class BackendFailureTest {
    private static final String GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    private static final Timeouts SHORT =
            new Timeouts(Duration.ofMillis(400), Duration.ofMillis(500), Duration.ofSeconds(1));

    private Rig rig;
    private RawBackend backend;

    @BeforeEach
    void start() throws IOException {
        rig = Rig.start();
        backend = RawBackend.answering(OK);
    }

    @AfterEach
    void stop() {
        rig.close();
        backend.close();
    }

    private static Route impatient() {
        return Rig.route(new RouteAction.Forward(
                List.of(new RouteAction.WeightedUpstream("u", 1)),
                Rewrite.NONE,
                HeaderChanges.NONE,
                HeaderChanges.NONE,
                SHORT));
    }

    private static int closedPort() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return free.getLocalPort();
        }
    }

    @Test
    void aBackendThatDoesNotAnswerInTimeIs504() throws IOException {
        // Given
        backend.script((request, socket) -> {});
        rig.serve(impatient(), backend);
        try (RawClient client = rig.client()) {
            // When
            String answer = client.send(GET).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 504");
            backend.script((request, socket) -> RawBackend.write(socket, OK));
            assertThat(client.send(GET).answer()).as("the same connection").startsWith("HTTP/1.1 200");
            assertThat(backend.connections).hasValue(2);
        }
    }

    @Test
    void anAnswerThatStallsIsCutOff() throws IOException {
        // Given
        backend.script(
                (request, socket) -> RawBackend.write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
        rig.serve(impatient(), backend);
        try (RawClient client = rig.client()) {
            client.send(GET).head();
            // When
            String rest;
            try {
                rest = client.rest();
            } catch (IOException reset) {
                rest = "";
            }
            // Then
            assertThat("half").startsWith(rest);
        }
    }

    @Test
    void aBackendThatDoesNotAcceptInTimeIs504() throws IOException {
        // Given
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Socket> queued = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Socket socket = new Socket();
                queued.add(socket);
                try {
                    socket.connect(new InetSocketAddress(full.getInetAddress(), full.getLocalPort()), 100);
                } catch (IOException e) {
                    break;
                }
            }
            rig.serve(impatient(), full.getLocalPort());
            try (RawClient client = rig.client()) {
                // When
                String answer = client.send(GET).answer();
                // Then
                assertThat(answer).startsWith("HTTP/1.1 504");
            }
            for (Socket socket : queued) {
                socket.close();
            }
        }
    }

    @Test
    void anEndpointThatRefusesIsPassedOverAndAllOfThemAre502() throws IOException {
        // Given
        rig.serve(impatient(), closedPort(), backend.port());
        try (RawClient client = rig.client()) {
            for (int i = 0; i < 6; i++) {
                // When
                String answer = client.send(GET).answer();
                // Then
                assertThat(answer).startsWith("HTTP/1.1 200");
            }
            rig.serve(impatient(), closedPort(), closedPort());
            assertThat(client.send(GET).answer()).startsWith("HTTP/1.1 502");
        }
    }

    @Test
    void waitingConnectionsEndWithTheirEndpoint() throws Exception {
        // Given
        CountDownLatch ended = new CountDownLatch(1);
        backend.script((request, socket) -> {
            RawBackend.write(socket, OK);
            if (socket.getInputStream().read() < 0) {
                ended.countDown();
            }
        });
        try (RawBackend other = RawBackend.answering(OK);
                RawClient client = rig.client()) {
            rig.serve(backend);
            client.send(GET).answer();
            // When
            rig.serve(other);
            // Then
            await().untilAsserted(() -> assertThat(ended.getCount()).isZero());
            assertThat(client.send(GET).answer()).startsWith("HTTP/1.1 200");
            assertThat(other.connections).hasValue(1);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {"timeout=1; 2", "timeout=1, max=100; 2", "Timeout=60, max=9; 1", "timeout=x; 1"})
    void aConnectionIsNotReusedWhenItsBackendIsAboutToEndIt(String announced, int connections) throws IOException {
        // Given
        backend.script((request, socket) ->
                RawBackend.write(socket, OK.replace("\r\n\r\n", "\r\nKeep-Alive: " + announced + "\r\n\r\n")));
        rig.serve(backend);
        try (RawClient client = rig.client()) {
            client.send(GET).answer();
            // When
            String answer = client.send(GET).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 200");
            assertThat(backend.connections).hasValue(connections);
        }
    }

    @Test
    void noMoreConnectionsWaitThanTheLimit() throws Exception {
        // Given
        ProxyConfig bounded = Rig.config().withPool(new PoolLimits(2, 2, Duration.ofSeconds(30)));
        CountDownLatch all = new CountDownLatch(5);
        backend.script((request, socket) -> {
            all.countDown();
            try {
                all.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            RawBackend.write(socket, OK);
        });
        try (Rig own = new Rig(bounded)) {
            own.serve(backend);
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                clients.add(own.client().send(GET));
            }
            // When
            for (RawClient client : clients) {
                client.answer();
            }
            // Then
            await().untilAsserted(() -> assertThat(backend.open()).isEqualTo(2));
            for (RawClient client : clients) {
                client.close();
            }
        }
    }

    @Test
    void aPostWhoseBodyHasNotBegunIsSentAgainWhenItsConnectionWasStale() throws Exception {
        // Given
        rig.serve(backend);
        try (RawClient client = rig.client()) {
            client.send(GET).answer();
            CountDownLatch gone = new CountDownLatch(1);
            // The old connection reads a head and ends; the fresh one answers.
            backend.script((request, socket) -> RawBackend.write(socket, OK));
            backend.endAfterNextHead(gone);
            // When
            client.send("POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n");
            gone.await();
            Thread.sleep(200);
            client.send("abc");
            // Then
            assertThat(client.answer()).startsWith("HTTP/1.1 200");
            assertThat(backend.requests.getLast()).startsWith("POST /p").endsWith("\r\n\r\nabc");
        }
    }

    @Test
    void aBackendThatIsAboutToGoIsPassedOver() throws IOException {
        // Given: one ends every new connection behind the request, as the kernel does for a process that is ending
        try (RawBackend ending = new RawBackend((request, socket) -> socket.close());
                RawClient client = rig.client()) {
            rig.serve(backend, ending);
            for (int i = 0; i < 6; i++) {
                // When
                String answer = client.send(GET).answer();
                // Then
                assertThat(answer).startsWith("HTTP/1.1 200");
            }
            assertThat(ending.requests).as("it was asked").isNotEmpty();
        }
    }

    @Test
    void aRequestThatNoBackendBearsIsAskedOfTwo() throws IOException {
        // Given
        try (RawBackend first = new RawBackend((request, socket) -> socket.close());
                RawBackend second = new RawBackend((request, socket) -> socket.close());
                RawBackend third = new RawBackend((request, socket) -> socket.close());
                RawClient client = rig.client()) {
            rig.serve(first, second, third);
            // When
            String answer = client.send(GET).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 502");
            assertThat(first.requests.size() + second.requests.size() + third.requests.size())
                    .isEqualTo(2);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc",
                "POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
                "PUT /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc",
                "PATCH /p HTTP/1.1\r\nHost: a.test\r\n\r\n"
            })
    void whatMayHaveBeenCarriedOutIsNotAskedOfAnother(String request) throws IOException {
        // Given: backends that carry out what a head asks for, and end without a word
        List<Socket> asked = new CopyOnWriteArrayList<>();
        try (ServerSocket first = endingAtTheHead(asked);
                ServerSocket second = endingAtTheHead(asked);
                RawClient client = rig.client()) {
            rig.serve(Rig.route(RouteAction.Forward.to("u")), first.getLocalPort(), second.getLocalPort());
            // When
            String answer = client.send(request).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 502");
            assertThat(asked).hasSize(1);
        }
    }

    private static ServerSocket endingAtTheHead(List<Socket> asked) throws IOException {
        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try (Socket socket = server.accept()) {
                    asked.add(socket);
                    String read = "";
                    while (!read.contains("\r\n\r\n")) {
                        read += (char) socket.getInputStream().read();
                    }
                } catch (IOException e) {
                    return;
                }
            }
        });
        return server;
    }

    @ParameterizedTest
    @ValueSource(strings = {"H", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 103 Early Hints\r\n\r\n"})
    void whatABackendBeganToAnswerIsNotAskedOfAnother(String begun) throws IOException {
        // Given
        RawBackend.Script script = (request, socket) -> {
            RawBackend.write(socket, begun);
            socket.close();
        };
        try (RawBackend first = new RawBackend(script);
                RawBackend second = new RawBackend(script);
                RawClient client = rig.client()) {
            rig.serve(first, second);
            // When
            client.send("DELETE /d HTTP/1.1\r\nHost: a.test\r\n\r\n");
            String answer = begun.contains("103") ? client.head() + client.answer() : client.answer();
            // Then
            assertThat(answer).contains("HTTP/1.1 502");
            assertThat(first.requests.size() + second.requests.size()).isEqualTo(1);
        }
    }

    @Test
    void aRequestThatEndsAProcessEndsNoThird() throws IOException {
        // Given: a connection waits at each, and a process that ends is gone for good
        List<RawBackend> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(RawBackend.answering(OK));
        }
        try (RawClient client = rig.client()) {
            rig.serve(all.toArray(RawBackend[]::new));
            for (int i = 0; i < all.size(); i++) {
                client.send(GET).answer();
            }
            assertThat(all).allSatisfy(one -> assertThat(one.connections).hasValue(1));
            for (RawBackend one : all) {
                one.script((request, socket) -> one.close());
            }
            // When
            String answer = client.send(GET).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 502");
            assertThat(all)
                    .as("those that were asked")
                    .filteredOn(one -> one.requests.size() > 1)
                    .hasSize(2);
        } finally {
            all.forEach(RawBackend::close);
        }
    }

    @Test
    void aClientThatIsBoundToAnEndpointIsNotMovedByOneRequest() throws IOException {
        // Given
        Balancing sticky =
                new Balancing(Balancing.Policy.LEAST_TUNNELS, new Balancing.StickyCookie("at", "/", null, null));
        try (RawBackend first = new RawBackend((request, socket) -> socket.close());
                RawBackend second = new RawBackend((request, socket) -> socket.close());
                RawClient client = rig.client()) {
            rig.serve(
                    List.of(new VirtualHost(
                            new HostPattern("a.test"), null, List.of(Rig.route(RouteAction.Forward.to("u"))))),
                    new Upstream("u", "g", null, sticky),
                    first.port(),
                    second.port());
            // When
            String answer = client.send(GET).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 502").doesNotContainIgnoringCase("set-cookie");
            assertThat(first.requests.size() + second.requests.size()).isEqualTo(1);
        }
    }

    @Test
    void whoTookLongIsNotFollowedByAnother() throws IOException {
        // Given: an end that comes later than a connection takes
        RawBackend.Script slow = (request, socket) -> {
            sleep(700);
            socket.close();
        };
        try (RawBackend first = new RawBackend(slow);
                RawBackend second = new RawBackend(slow);
                RawClient client = rig.client()) {
            rig.serve(
                    Rig.route(new RouteAction.Forward(
                            List.of(new RouteAction.WeightedUpstream("u", 1)),
                            Rewrite.NONE,
                            HeaderChanges.NONE,
                            HeaderChanges.NONE,
                            new Timeouts(Duration.ofMillis(400), Duration.ofSeconds(30), Duration.ofSeconds(30)))),
                    first,
                    second);
            // When
            String answer = client.send(GET).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 502");
            assertThat(first.requests.size() + second.requests.size()).isEqualTo(1);
        }
    }

    @Test
    void aPostWhoseBodyWasSentIsNeverSentTwice() throws Exception {
        // Given
        rig.serve(backend);
        try (RawClient client = rig.client()) {
            client.send(GET).answer();
            backend.script((request, socket) -> socket.close());
            // When
            String answer = client.send("POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc")
                    .answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 502");
            assertThat(backend.requests).hasSize(2);
        }
    }

    @Test
    @Conformance(value = "C17", rfc = "9110 §15.2")
    @Conformance(value = "C19", rfc = "9110 §6.5.1")
    @Conformance(value = "C23", rfc = "9112 §7.1")
    void anAnswerMeansTheSameHoweverItIsCut() throws IOException {
        // Given
        String whole = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                + "X-A: b\r\n\r\n3;e=\"1\"\r\nxyz\r\n0A\r\nghijklmnop\r\n0\r\nT: v\r\n\r\n";
        rig.serve(backend);
        backend.script((request, socket) -> {
            socket.setTcpNoDelay(true);
            int cut = Integer.parseInt(request.substring(5, request.indexOf(" HTTP")));
            if (cut == whole.length()) {
                writeEachByte(socket, whole);
                return;
            }
            RawBackend.write(socket, whole.substring(0, cut));
            pause();
            RawBackend.write(socket, whole.substring(cut));
        });
        try (RawClient client = rig.client()) {
            // 0 is whole, the last one a byte at a time.
            for (int cut = 0; cut <= whole.length(); cut++) {
                // When
                client.send("GET /" + cut + " HTTP/1.1\r\nHost: a.test\r\n\r\n");
                String interim = client.head();
                String answer = client.answer();
                // Then
                assertThat(interim).startsWith("HTTP/1.1 103").contains("Link: </a>");
                assertThat(answer).startsWith("HTTP/1.1 200 OK").contains("X-A: b");
                assertThat(answer.substring(answer.indexOf("\r\n\r\n") + 4)
                                .replaceAll("(?m)^[0-9a-f]+\r\n", "")
                                .replace("\r\n", ""))
                        .isEqualTo("xyzghijklmnopT: v");
            }
            assertThat(backend.connections).hasValue(1);
        }
    }

    private static void writeEachByte(Socket socket, String text) throws IOException {
        for (int i = 0; i < text.length(); i++) {
            RawBackend.write(socket, text.substring(i, i + 1));
            pause();
        }
    }

    private static void pause() {
        sleep(2);
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

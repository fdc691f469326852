package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.Timeouts;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a client may send, and how fast. */
@Timeout(60)
class BodyLimitsTest {
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    private static final HttpLimits LIMITS = new HttpLimits(
            16 << 10,
            64 << 10,
            128L << 20,
            Duration.ofSeconds(2),
            Duration.ofSeconds(5),
            100,
            Duration.ofSeconds(1),
            Duration.ofMillis(500),
            Duration.ofSeconds(2));

    private Rig rig;
    private RawBackend backend;

    @BeforeEach
    void start() throws IOException {
        rig = new Rig(Rig.config().withLimits(LIMITS));
        backend = RawBackend.answering(OK);
        rig.serve(backend);
    }

    @AfterEach
    void stop() {
        rig.close();
        backend.close();
    }

    @Test
    void anUploadToABackendThatReadsNothingStops() throws Exception {
        // Given
        CountDownLatch mayRead = new CountDownLatch(1);
        AtomicLong received = new AtomicLong();
        long total = 64L << 20;
        try (SlowBackend slow = new SlowBackend(mayRead, received, total);
                RawClient client = rig.client()) {
            rig.serve(Rig.route(RouteAction.Forward.to("u")), slow.port());
            AtomicLong sent = new AtomicLong();
            client.send("POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: " + total + "\r\n\r\n");
            Thread writer = Thread.ofVirtual().start(() -> {
                byte[] block = new byte[64 << 10];
                try {
                    while (sent.get() < total) {
                        client.socket.getOutputStream().write(block);
                        sent.addAndGet(block.length);
                    }
                } catch (IOException e) {
                    sent.set(-1);
                }
            });
            // When
            Thread.sleep(1_500);
            long whileStopped = sent.get();
            mayRead.countDown();
            // Then
            assertThat(whileStopped).as("bytes in the kernel and in the proxy").isLessThan(total / 2);
            assertThat(client.answer()).startsWith("HTTP/1.1 200");
            writer.join();
            assertThat(received).hasValue(total);
        }
    }

    @Test
    void aBodyBeyondTheLimitIs413WhetherItsLengthIsToldOrNot() throws IOException {
        // Given
        HttpLimits small = new HttpLimits(
                1024,
                1024,
                100,
                Duration.ofSeconds(2),
                Duration.ofSeconds(5),
                0,
                Duration.ofSeconds(5),
                Duration.ofSeconds(5),
                Duration.ofSeconds(5));
        try (Rig own = new Rig(Rig.config().withLimits(small))) {
            own.serve(backend);
            for (String framed : List.of(
                    "Content-Length: 101\r\n\r\n" + "x".repeat(101),
                    "Content-Length: 999999999999\r\n\r\n",
                    "Transfer-Encoding: chunked\r\n\r\n40\r\n" + "x".repeat(64) + "\r\n40\r\n" + "x".repeat(64)
                            + "\r\n0\r\n\r\n")) {
                try (RawClient client = own.client()) {
                    // When
                    String answer = client.send("POST / HTTP/1.1\r\nHost: a.test\r\n" + framed)
                            .answer();
                    // Then
                    assertThat(answer).startsWith("HTTP/1.1 413").containsIgnoringCase("connection: close");
                    assertThat(client.isEnded()).isTrue();
                }
            }
            try (RawClient client = own.client()) {
                assertThat(client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n"
                                        + "x".repeat(100))
                                .answer())
                        .startsWith("HTTP/1.1 200");
            }
        }
    }

    @Test
    void aBodyThatTricklesIs408AndItsBackendConnectionEnds() throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nabc");
            // When
            String answer = client.answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 408").containsIgnoringCase("connection: close");
            assertThat(client.isEnded()).isTrue();
            await().untilAsserted(() -> assertThat(backend.open()).isZero());
        }
    }

    @Test
    void aBodyThatKeepsItsPaceIsNotInterrupted() throws Exception {
        // Given
        try (RawClient client = rig.client()) {
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1200\r\n\r\n");
            // When
            for (int i = 0; i < 12; i++) {
                client.send("x".repeat(100));
                Thread.sleep(200);
            }
            // Then
            assertThat(client.answer()).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void aBodyThatGoesOnBehindTheHeadOfItsAnswerIsNotIdle() throws Exception {
        // Given
        Timeouts timeouts = new Timeouts(Duration.ofSeconds(5), Duration.ofSeconds(5), Duration.ofSeconds(1));
        try (SlowBackend early = SlowBackend.echoingAtTheEnd(1_500);
                RawClient client = rig.client()) {
            rig.serve(Rig.route(forward(timeouts)), early.port());
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1500\r\n\r\n");
            String head = client.head();
            // When
            for (int i = 0; i < 15; i++) {
                client.send("x".repeat(100));
                Thread.sleep(200);
            }
            // Then
            assertThat(head).startsWith("HTTP/1.1 200");
            assertThat(client.rest()).isEqualTo("5\r\n01500\r\n0\r\n\r\n");
        }
    }

    private static RouteAction.Forward forward(Timeouts timeouts) {
        RouteAction.Forward plain = RouteAction.Forward.to("u");
        return new RouteAction.Forward(
                plain.upstreams(), plain.rewrite(), plain.requestHeaders(), plain.responseHeaders(), timeouts);
    }

    @Test
    void aTlsHandshakeThatNeverEndsIsClosed() throws IOException {
        // Given
        try (Socket silent = new Socket("127.0.0.1", rig.proxy.httpsPort());
                Socket begun = new Socket("127.0.0.1", rig.proxy.httpsPort())) {
            silent.setSoTimeout(5_000);
            begun.setSoTimeout(5_000);
            // When
            begun.getOutputStream().write(new byte[] {22, 3, 1, 2, 0, 1, 0});
            // Then
            assertThat(silent.getInputStream().readAllBytes()).isEmpty();
            assertThat(begun.getInputStream().readAllBytes().length).isLessThan(64);
        }
    }

    @Test
    void theExpectationOfABodyIsForwardedAndTheBackends100ComesBack() throws IOException {
        // Given
        try (SlowBackend continuing = SlowBackend.continuing();
                RawClient client = rig.client()) {
            rig.serve(Rig.route(RouteAction.Forward.to("u")), continuing.port());
            // When
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
            String interim = client.head();
            client.send("hello");
            // Then
            assertThat(interim).startsWith("HTTP/1.1 100");
            assertThat(client.answer()).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void theRestOfASmallRequestThatWasAnsweredEarlyIsDroppedAndTheConnectionStays() throws IOException {
        // Given
        String rest = "x".repeat(20_000);
        try (SlowBackend early = SlowBackend.early();
                RawClient client = rig.client()) {
            rig.serve(Rig.route(RouteAction.Forward.to("u")), early.port());
            // When
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20000\r\n\r\n" + rest.substring(0, 10));
            String first = client.answer();
            client.send(rest.substring(10) + "POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\ny");
            // Then
            assertThat(first).startsWith("HTTP/1.1 200").doesNotContainIgnoringCase("connection: close");
            assertThat(client.answer()).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void theRestOfALargeRequestThatWasAnsweredEarlyEndsTheConnection() throws IOException {
        // Given
        try (SlowBackend early = SlowBackend.early();
                RawClient client = rig.client()) {
            rig.serve(Rig.route(RouteAction.Forward.to("u")), early.port());
            // When
            String answer = client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2000000\r\n\r\nxx")
                    .answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 200").containsIgnoringCase("connection: close");
            assertThat(client.isEnded()).isTrue();
        }
    }

    @Test
    void aDefectInADroppedBodyIsNotAnsweredASecondTime() throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            // When
            client.send("POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 9\r\n\r\nabc");
            String first = client.answer();
            String second;
            try {
                second = client.rest();
            } catch (SocketTimeoutException e) {
                second = "open";
            }
            // Then
            assertThat(first).startsWith("HTTP/1.1 404");
            assertThat(second).isEmpty();
        }
    }

    @Test
    void aRequestWithoutBodyGoesOnWithoutOne() throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            // When
            client.send(
                            "GET /x%41?a=%20b&c HTTP/1.1\r\nHost: a.test:8080\r\nX-Odd-CASE: 1\r\nAccept: a\r\naccept: b\r\n\r\n")
                    .answer();
            // Then
            assertThat(backend.requests.getLast())
                    .startsWith("GET /x%41?a=%20b&c HTTP/1.1\r\n")
                    .contains("\r\nX-Odd-CASE: 1\r\n")
                    .contains("\r\nAccept: a\r\n", "\r\naccept: b\r\n")
                    .contains("\r\nX-Forwarded-Port: 8080\r\n")
                    .doesNotContainIgnoringCase("content-length")
                    .doesNotContainIgnoringCase("transfer-encoding");
        }
    }

    @Test
    void withoutHostThePortIsTheListeners() throws IOException {
        // Given
        rig.serveEveryHost(backend);
        try (RawClient client = rig.client()) {
            // When
            client.send("GET / HTTP/1.0\r\n\r\n").rest();
            // Then
            assertThat(backend.requests.getLast()).contains("\r\nX-Forwarded-Port: " + rig.proxy.httpPort() + "\r\n");
        }
    }

    @Test
    void plainRequestsAreTimedAndOurOwnAnswersCountWithTheRouteThatMatched() throws IOException {
        // Given
        rig.serve(Rig.route(new RouteAction.Reject(503, "no backend")));
        try (RawClient client = rig.client()) {
            // When
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            // Then
            await().untilAsserted(() -> {
                assertThat(rig.meters
                                .get("holdfast.http.requests")
                                .tags("route", "r", "status", "5xx")
                                .counter()
                                .count())
                        .isEqualTo(1);
                assertThat(rig.meters
                                .get("holdfast.http.requests.duration")
                                .tag("route", "r")
                                .timer()
                                .count())
                        .isEqualTo(1);
            });
        }
    }

    @Test
    void theJdksTransportServesAsWell() throws IOException {
        // Given
        try (Rig nio = new Rig(Rig.config().withTransport(ProxyConfig.Transport.NIO))) {
            nio.serve(backend);
            try (RawClient client = nio.client()) {
                // When
                String answer = client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc")
                        .answer();
                // Then
                assertThat(answer).startsWith("HTTP/1.1 200").endsWith("hi");
            }
        }
    }
}

package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.overload.OverloadLimits;
import dev.holdfast.dataplane.trace.Collector;
import dev.holdfast.dataplane.trace.Collector.ReceivedSpan;
import dev.holdfast.dataplane.trace.OtlpTraces;
import dev.holdfast.dataplane.trace.TraceConfig;
import dev.holdfast.routetable.RouteAction;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Spans as a collector receives them, over real sockets. */
@Timeout(value = 90, unit = TimeUnit.SECONDS)
@SuppressWarnings("NullAway.Init")
class TracesTest {
    private static final Duration PATIENCE = Duration.ofSeconds(45);
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String CALLER = "00f067aa0ba902b7";
    private static final String CANARY = "hunter2";
    private static final String PARENT = "traceparent: 00-" + TRACE + "-" + CALLER + "-01\r\ntracestate: a=1\r\n";
    private static final String UPGRADE = "GET /chat?token=" + CANARY + " HTTP/1.1\r\nHost: a.test\r\n"
            + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: a=" + CANARY + "\r\n" + PARENT + "\r\n";

    private Collector collector;
    private Rig rig;
    private OtlpTraces traces;

    private void start(double sample) throws IOException {
        start(Rig.config(), sample);
    }

    private void start(ProxyConfig config, double sample) throws IOException {
        collector = new Collector();
        traces = OtlpTraces.start(new TraceConfig(collector.endpoint(), sample, "dp-1"), new SimpleMeterRegistry());
        rig = new Rig(config, new ProxyServer.Listeners(List.of(traces), List.of(traces)));
    }

    @AfterEach
    void stop() {
        rig.close();
        traces.close();
        collector.close();
    }

    @Test
    void theSpanOfATunnelEndsAtThe101AndItsCloseIsLinked() throws Exception {
        // Given
        start(1);
        try (RawBackend backend = switching();
                RawClient client = rig.client()) {
            rig.serve(backend);
            // When
            client.send(UPGRADE);
            assertThat(client.head()).startsWith("HTTP/1.1 101");
            // Then the span is there while the tunnel is open
            ReceivedSpan handshake = spans(1).getFirst();
            assertThat(handshake.traceId()).isEqualTo(TRACE);
            assertThat(handshake.parentId()).isEqualTo(CALLER);
            assertThat(handshake.name()).isEqualTo("GET /");
            assertThat(handshake.kind()).isEqualTo(2);
            assertThat(handshake.endNanos()).isGreaterThan(handshake.startNanos());
            assertThat(handshake.attributes())
                    .containsEntry("http.request.method", "GET")
                    .containsEntry("http.response.status_code", "101")
                    .containsEntry("http.route", "/")
                    .containsEntry("url.path", "/chat")
                    .containsEntry("url.scheme", "http")
                    .containsEntry("server.address", "a.test")
                    .containsEntry("client.address", "127.0.0.1")
                    .containsEntry("dev.holdfast.route", "r")
                    .containsEntry("dev.holdfast.backend.port", Integer.toString(backend.port()));
            assertThat(handshake.resource())
                    .containsEntry("service.name", "holdfast-dataplane")
                    .containsEntry("service.instance.id", "dp-1");
            assertThat(backend.requests.getFirst())
                    .contains("traceparent: 00-" + TRACE + "-" + handshake.spanId() + "-01")
                    .contains("tracestate: a=1")
                    .doesNotContain(CALLER);
            // And when the tunnel ends
            client.socket.close();
            ReceivedSpan close = spans(2).getLast();
            assertThat(close.name()).isEqualTo("tunnel close");
            assertThat(close.kind()).isEqualTo(1);
            assertThat(close.traceId()).isNotEqualTo(TRACE);
            assertThat(close.links()).containsExactly(TRACE + "/" + handshake.spanId());
            assertThat(close.attributes())
                    .containsEntry("dev.holdfast.tunnel.close.initiator", "client")
                    .containsKey("dev.holdfast.tunnel.duration_ms");
            assertThat(collector.requests()).containsOnly("/v1/traces application/x-protobuf");
            assertThat(collector.spans().toString()).doesNotContain(CANARY);
        }
    }

    @Test
    void aPlainRequestBeginsATraceAndAFailureIsAnError() throws Exception {
        // Given
        start(1);
        try (RawBackend backend = RawBackend.answering("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno");
                RawClient client = rig.client()) {
            rig.serve(backend);
            // When
            client.send("PURGE /x?" + CANARY + " HTTP/1.1\r\nHost: a.test\r\n\r\n")
                    .answer();
            client.send("GET /y HTTP/1.1\r\nHost: nowhere.test\r\n" + PARENT + "\r\n")
                    .answer();
            // Then; the flag 2 says that the id is random (W3C Trace Context level 2)
            ReceivedSpan failed = spans(2).getFirst();
            assertThat(failed.name()).isEqualTo("HTTP /");
            assertThat(failed.parentId()).isEmpty();
            assertThat(failed.status()).isEqualTo(2);
            assertThat(failed.attributes())
                    .containsEntry("http.request.method", "_OTHER")
                    .containsEntry("http.response.status_code", "503")
                    .containsEntry("error.type", "503");
            Matcher parent = Pattern.compile("traceparent: 00-(\\w{32})-(\\w{16})-0[13]\r\n")
                    .matcher(backend.requests.getFirst());
            assertThat(parent.find()).isTrue();
            assertThat(parent.group(1)).isEqualTo(failed.traceId());
            assertThat(parent.group(2)).isEqualTo(failed.spanId());
            ReceivedSpan ours = collector.spans().getLast();
            assertThat(ours.traceId()).as("a request that the proxy answers").isEqualTo(TRACE);
            assertThat(ours.status()).isZero();
            assertThat(ours.attributes()).containsEntry("http.response.status_code", "404");
        }
    }

    @Test
    void whatALimitRefusesHasOneSpanWithTheCallersAsItsParent() throws Exception {
        // Given a proxy with as many connections as it may have
        start(Rig.config().withOverload(new OverloadLimits(1, 1, Long.MAX_VALUE)), 1);
        rig.serve(Rig.route(RouteAction.Forward.to("u")));
        try (RawClient first = rig.client();
                RawClient client = rig.client()) {
            // When
            String answer = client.send("GET /x HTTP/1.1\r\nHost: a.test\r\n" + PARENT + "\r\n")
                    .answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 503").contains("connections");
            ReceivedSpan refused = spans(1).getFirst();
            assertThat(refused.parentId()).isEqualTo(CALLER);
            assertThat(refused.attributes())
                    .containsEntry("http.response.status_code", "503")
                    .containsEntry("dev.holdfast.route", "r");
            assertThat(first.socket.getInputStream().available()).isZero();
        }
    }

    @Test
    void whatIsNotSampledIsNotSentAndSaysSoToTheBackend() throws Exception {
        // Given
        start(0);
        try (RawBackend backend = switching();
                RawClient client = rig.client();
                RawClient traced = rig.client()) {
            rig.serve(backend);
            // When
            client.send(UPGRADE.replace(PARENT, ""));
            client.head();
            client.socket.close();
            traced.send(UPGRADE);
            traced.head();
            traced.socket.close();
            // Then
            assertThat(spans(2)).extracting(ReceivedSpan::name).containsExactly("GET /", "tunnel close");
            assertThat(spans(2).getFirst().traceId()).isEqualTo(TRACE);
            assertThat(backend.requests.getFirst()).containsPattern("traceparent: 00-\\w{32}-\\w{16}-0[02]\r\n");
        }
    }

    @Test
    void withoutTracesAParentPassesAsItIs() throws Exception {
        // Given
        start(1);
        try (Rig plain = Rig.start();
                RawBackend backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
                RawClient client = plain.client()) {
            plain.serve(backend);
            // When
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n" + PARENT + "\r\n").answer();
            // Then
            assertThat(backend.requests.getFirst()).contains(PARENT);
            assertThat(collector.requests()).isEmpty();
        }
    }

    private List<ReceivedSpan> spans(int count) {
        await().atMost(PATIENCE).until(() -> collector.spans().size() >= count);
        return collector.spans();
    }

    private static RawBackend switching() throws IOException {
        return new RawBackend((request, socket) -> {
            RawBackend.write(
                    socket,
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
            socket.getInputStream().readAllBytes();
            socket.close();
        });
    }
}

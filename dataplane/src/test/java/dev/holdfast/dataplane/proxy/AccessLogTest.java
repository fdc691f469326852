package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.accesslog.AccessLog;
import dev.holdfast.dataplane.accesslog.AccessLogConfig;
import dev.holdfast.dataplane.accesslog.AccessLogConfig.Records;
import dev.holdfast.dataplane.accesslog.AccessLogConfig.Treatment;
import dev.holdfast.dataplane.accesslog.Field;
import dev.holdfast.dataplane.proxy.forwarded.Cidr;
import dev.holdfast.dataplane.proxy.overload.OverloadLimits;
import dev.holdfast.dataplane.proxy.tunnel.Relaying;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the access log says of traffic over real sockets, and what it never says. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
@SuppressWarnings("NullAway.Init")
class AccessLogTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String FIELD = "\"([a-z_]+)\":(\"(?:[^\"\\\\\\x00-\\x1f]|\\\\.)*\"|-?[0-9.]+|true|false)";
    private static final Pattern RECORD = Pattern.compile("\\{" + FIELD + "(?:," + FIELD + ")*}");
    private static final String CANARY = "hunter2";
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String UPGRADE = "GET /chat/%7Eroom?token=" + CANARY + "q HTTP/1.1\r\nHost: A.test\r\n"
            + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY
            + "\r\nSec-WebSocket-Protocol: chat, bearer." + CANARY + "p\r\nAuthorization: Bearer " + CANARY
            + "a\r\nCookie: session=" + CANARY + "c\r\nX-Forwarded-For: 192.0.2.7\r\nX-Request-ID: id-1\r\n"
            + "X-Api-Key: " + CANARY + "k\r\n\r\n";

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private AccessLog log;
    private Rig rig;

    private void start(ProxyConfig config, AccessLogConfig records, OutputStream to) throws IOException {
        log = AccessLog.start(records, to, meters);
        rig = new Rig(config, new ProxyServer.Listeners(List.of(log), List.of(log)));
    }

    private void start(AccessLogConfig records) throws IOException {
        start(Rig.config().withTrustedProxies(List.of(Cidr.parse("127.0.0.0/8"))), records, out);
    }

    private static AccessLogConfig all() {
        return new AccessLogConfig(Records.ALL, 1, Map.of());
    }

    @AfterEach
    void stop() {
        rig.close();
        log.close();
    }

    @ParameterizedTest
    @EnumSource(Relaying.class)
    void aTunnelHasARecordAtEachEndWithTheSameId(Relaying relaying) throws Exception {
        // Given
        start(relaying.of(Rig.config().withTrustedProxies(List.of(Cidr.parse("127.0.0.0/8")))), all(), out);
        try (RawBackend backend = echoing();
                RawClient client = rig.client()) {
            rig.serve(backend);
            client.send(UPGRADE);
            assertThat(client.head()).startsWith("HTTP/1.1 101");
            // When
            client.send("\u0081\u0085\1\2\3\4abcde");
            client.socket.getInputStream().readNBytes(11);
            client.send("\u0088\u0082\0\0\0\0\u0003\u00e8");
            client.socket.getInputStream().readNBytes(8);
            client.socket.close();
            // Then
            List<Map<String, String>> records = records(2);
            Map<String, String> open = records.getFirst();
            assertThat(open)
                    .containsEntry("record", "open")
                    .containsEntry("namespace", "ns")
                    .containsEntry("route", "r")
                    .containsEntry("client", "192.0.2.7")
                    .containsEntry("host", "a.test")
                    .containsEntry("path", "/chat/~room")
                    .containsEntry("subprotocol", "chat")
                    .containsEntry("http_version", "1.1")
                    .containsEntry("backend", "127.0.0.1:" + backend.port())
                    .containsEntry("request_id", "id-1")
                    .containsKeys("time", "handshake_ms", "tunnel_id")
                    .doesNotContainKeys("tls_version", "sni", "code", "duration_ms");
            assertThat(Instant.parse(open.get("time"))).isBetween(Instant.now().minusSeconds(60), Instant.now());
            Map<String, String> close = records.getLast();
            assertThat(close)
                    .containsEntry("record", "close")
                    .containsEntry("tunnel_id", open.get("tunnel_id"))
                    .containsEntry("request_id", "id-1")
                    .containsEntry("initiator", "client")
                    .containsEntry("reason", "close_frame")
                    .containsEntry("code", "1000")
                    .containsEntry("drain", "false")
                    .containsEntry("bytes_from_client", "19")
                    .containsEntry("bytes_from_backend", "19")
                    .containsEntry("messages_from_client", "1")
                    .containsEntry("messages_from_backend", "1")
                    .containsKeys("duration_ms");
            assertThat(out.toString(StandardCharsets.UTF_8)).doesNotContain(CANARY);
        }
    }

    @Test
    void whatALimitRefusesIsToldOfItsRouteAndAsItCame() throws Exception {
        // Given a route that changes host and path, and a proxy with as many connections and tunnels as it may have
        ProxyConfig full = Rig.config()
                .withTrustedProxies(List.of(Cidr.parse("127.0.0.0/8")))
                .withOverload(new OverloadLimits(1, 1, Long.MAX_VALUE));
        start(full, all(), out);
        try (RawBackend backend = echoing();
                RawClient holder = rig.client();
                RawClient upgrading = rig.client();
                RawClient asking = rig.client()) {
            rig.serve(
                    Rig.route(new RouteAction.Forward(
                            List.of(new RouteAction.WeightedUpstream("u", 1)),
                            new Rewrite(new Rewrite.ReplaceFull("/other"), "inner.test"),
                            HeaderChanges.NONE,
                            HeaderChanges.NONE,
                            Timeouts.DEFAULT)),
                    backend);
            assertThat(holder.send(UPGRADE).head()).startsWith("HTTP/1.1 101");
            // When
            String plain = asking.send("GET /a HTTP/1.1\r\nHost: A.test\r\nX-Request-ID: id-2\r\n\r\n")
                    .answer();
            String upgrade = upgrading.send(UPGRADE).answer();
            // Then
            assertThat(plain).startsWith("HTTP/1.1 503").contains("connections");
            assertThat(upgrade).startsWith("HTTP/1.1 503").contains("tunnels");
            List<Map<String, String>> records = records(3);
            assertThat(records.subList(1, 3))
                    .allSatisfy(record -> assertThat(record)
                            .containsEntry("record", "request")
                            .containsEntry("status", "503")
                            .containsEntry("route", "r")
                            .containsEntry("host", "a.test"));
            assertThat(records.get(1)).containsEntry("path", "/a").containsEntry("request_id", "id-2");
            assertThat(records.get(2)).containsEntry("path", "/chat/~room").containsEntry("request_id", "id-1");
            assertThat(rig.meters.find("holdfast.http.requests").tags("route", "r", "status", "5xx").counters().stream()
                            .mapToDouble(counter -> counter.count())
                            .sum())
                    .isEqualTo(2);
        }
    }

    @Test
    void aDrainIsSeen() throws Exception {
        // Given
        start(all());
        try (RawBackend backend = echoing();
                RawClient client = rig.client()) {
            rig.serve(backend);
            client.send(UPGRADE);
            client.head();
            // When
            rig.proxy.drain(Duration.ofMillis(200)).get(30, TimeUnit.SECONDS);
            // Then
            assertThat(records(2).getLast())
                    .containsEntry("record", "close")
                    .containsEntry("initiator", "proxy")
                    .containsEntry("reason", "drain")
                    .containsEntry("drain", "true")
                    .containsEntry("code", "1001");
        }
    }

    @Test
    void everyOtherRequestHasOneRecord() throws Exception {
        // Given
        start(all());
        try (RawBackend backend = RawBackend.answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")) {
            rig.serve(backend);
            String secrets = "\r\nAuthorization: " + CANARY + "\r\nCookie: a=" + CANARY + "\r\n";
            // When
            List<Map<String, String>> records = new ArrayList<>();
            int count = 0;
            for (String request : List.of(
                    "POST /a/b?q=" + CANARY + " HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3" + secrets + "\r\nabc",
                    "GET /?" + CANARY + " HTTP/1.0\r\nHost: nowhere.test" + secrets + "\r\n",
                    "GET /x%zz?" + CANARY + " HTTP/1.1\r\nHost: user:" + CANARY + "@a.test" + secrets + "\r\n",
                    UPGRADE)) {
                try (RawClient client = rig.client()) {
                    client.send(request).answer();
                }
                records.add(records(++count).getLast());
            }
            // Then
            assertThat(records.get(0))
                    .containsEntry("record", "request")
                    .containsEntry("method", "POST")
                    .containsEntry("path", "/a/b")
                    .containsEntry("status", "403")
                    .containsEntry("route", "r")
                    .containsEntry("client", "127.0.0.1")
                    .containsEntry("backend", "127.0.0.1:" + backend.port())
                    .containsEntry("bytes_from_client", "3")
                    .containsEntry("bytes_from_backend", "2")
                    .containsKeys("duration_ms", "request_id")
                    .doesNotContainKeys("tunnel_id", "messages_from_client", "messages_from_backend");
            assertThat(records.get(1))
                    .containsEntry("status", "404")
                    .containsEntry("http_version", "1.0")
                    .containsEntry("host", "nowhere.test")
                    .doesNotContainKeys("route", "backend");
            assertThat(records.get(2)).containsEntry("status", "400").doesNotContainKeys("host", "path");
            assertThat(records.get(3))
                    .containsEntry("record", "request")
                    .containsEntry("status", "403")
                    .containsEntry("path", "/chat/~room")
                    .containsEntry("client", "192.0.2.7");
            assertThat(out.toString(StandardCharsets.UTF_8)).doesNotContain(CANARY);
        }
    }

    @Test
    void aClientThatGoesFirstIsSeen() throws Exception {
        // Given
        start(all());
        CountDownLatch asked = new CountDownLatch(1);
        try (RawBackend backend = new RawBackend((request, socket) -> asked.countDown());
                RawClient client = rig.client()) {
            rig.serve(backend);
            client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
            assertThat(asked.await(30, TimeUnit.SECONDS)).isTrue();
            // When
            client.socket.close();
            // Then
            assertThat(records(1).getFirst()).containsEntry("status", "499").containsEntry("path", "/slow");
        }
    }

    @Test
    void overTlsItSaysVersionAndName() throws Exception {
        // Given
        start(all());
        X509Bundle bundle = new CertificateBuilder()
                .subject("CN=a.test")
                .addSanDnsName("a.test")
                .ecp256()
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        Certificate certificate =
                new Certificate("ns/a", bundle.getCertificatePathPEM(), SecretBytes.ofText(bundle.getPrivateKeyPEM()));
        try (RawBackend backend = echoing()) {
            rig.serve(
                    List.of(new VirtualHost(
                            new HostPattern("a.test"), "ns/a", List.of(Rig.route(RouteAction.Forward.to("u"))))),
                    List.of(certificate),
                    backend);
            // When
            try (RawClient client = tls("a.test")) {
                client.send(UPGRADE);
                client.head();
            }
            // Then
            assertThat(records(2))
                    .allSatisfy(record -> assertThat(record)
                            .containsEntry("tls_version", "TLSv1.3")
                            .containsEntry("sni", "a.test"));
            assertThat(rig.meters
                            .get("holdfast.certificate.expiry.timestamp")
                            .tags("namespace", "ns", "secret", "a")
                            .gauge()
                            .value())
                    .isEqualTo(bundle.getCertificate().getNotAfter().getTime() / 1_000);
            rig.serve(Rig.route(RouteAction.Forward.to("u")), backend);
            assertThat(rig.meters.find("holdfast.certificate.expiry.timestamp").gauge())
                    .isNull();
        }
    }

    @Test
    void fieldsAreDroppedRedactedAndSampled() throws Exception {
        // Given
        start(new AccessLogConfig(
                Records.TUNNELS,
                0,
                Map.of(
                        Field.CLIENT, Treatment.REDACT,
                        Field.PATH, Treatment.DROP,
                        Field.BYTES_FROM_CLIENT, Treatment.REDACT,
                        Field.HANDSHAKE_MS, Treatment.DROP)));
        try (RawBackend backend = echoing()) {
            rig.serve(backend);
            // When
            try (RawClient client = rig.client()) {
                client.send("GET / HTTP/1.1\r\nHost: nowhere.test\r\n\r\n").answer();
            }
            try (RawClient client = rig.client()) {
                client.send(UPGRADE);
                client.head();
            }
            // Then
            List<Map<String, String>> records = records(1);
            assertThat(records).hasSize(1);
            assertThat(records.getFirst())
                    .containsEntry("record", "close")
                    .containsEntry("client", "redacted")
                    .containsEntry("bytes_from_client", "redacted")
                    .doesNotContainKeys("path", "handshake_ms");
        }
    }

    @Test
    void whatNobodyTakesIsDroppedAndCountedAndTrafficGoesOn() throws Exception {
        // Given an output that takes nothing
        CountDownLatch taken = new CountDownLatch(1);
        OutputStream stuck = new OutputStream() {
            @Override
            public void write(int octet) throws IOException {
                write(new byte[] {(byte) octet}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
                try {
                    taken.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        start(Rig.config(), all(), stuck);
        rig.serve(Rig.route(new RouteAction.Reject(410, "gone")));
        int requests = 20_000;
        // When
        try (RawClient client = rig.client()) {
            for (int sent = 0; sent < requests; sent += 100) {
                client.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(100));
                for (int i = 0; i < 100; i++) {
                    assertThat(client.answer()).startsWith("HTTP/1.1 410");
                }
            }
        }
        // Then
        assertThat(records("dropped")).isBetween(1_000d, requests - 16_384d);
        taken.countDown();
        await().atMost(PATIENCE)
                .untilAsserted(() ->
                        assertThat(records("written") + records("dropped")).isEqualTo(requests));
    }

    private double records(String outcome) {
        return meters.get("holdfast.access.log.records")
                .tag("outcome", outcome)
                .functionCounter()
                .count();
    }

    /** Waits for so many records and reads them. */
    private List<Map<String, String>> records(int count) {
        await().atMost(PATIENCE)
                .until(() -> out.toString(StandardCharsets.UTF_8).lines().count() >= count);
        List<Map<String, String>> records = new ArrayList<>();
        out.toString(StandardCharsets.UTF_8).lines().forEach(line -> {
            assertThat(line).matches(RECORD);
            Map<String, String> record = new LinkedHashMap<>();
            Matcher field = Pattern.compile(FIELD).matcher(line);
            while (field.find()) {
                record.put(field.group(1), field.group(2).replaceAll("^\"|\"$", ""));
            }
            records.add(record);
        });
        return records;
    }

    /** Switches protocols, chooses the subprotocol {@code chat}, then sends back what comes. */
    private static RawBackend echoing() throws IOException {
        return new RawBackend((request, socket) -> {
            RawBackend.write(
                    socket,
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
            echo(socket);
            socket.close();
        });
    }

    private static void echo(Socket socket) throws IOException {
        byte[] bytes = new byte[1_024];
        for (int n = socket.getInputStream().read(bytes);
                n >= 0;
                n = socket.getInputStream().read(bytes)) {
            socket.getOutputStream().write(bytes, 0, n);
        }
    }

    private RawClient tls(String sni) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
        SSLSocket socket = (SSLSocket)
                context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), rig.proxy.httpsPort());
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setServerNames(List.of(new SNIHostName(sni)));
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return new RawClient(socket);
    }
}

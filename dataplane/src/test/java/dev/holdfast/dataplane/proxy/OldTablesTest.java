package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.forwarded.Scheme;
import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What outlives the table it began under must not keep that table: each would cost a megabyte of the heap. Nor does a
 * tunnel keep the fields of its request: cookies may be as long as a head, and nobody reads them again.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class OldTablesTest {
    private static final int TUNNELS = 4;
    private static final int COLLECTIONS_MAX = 50;
    private static final String UPGRADE = " HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + "Cookie: a=b\r\nAuthorization: Bearer c\r\nUser-Agent: d\r\n\r\n";
    private static final String SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    private static final String FRAME = "\u0081\u0085\1\2\3\4abcde";

    private final Map<String, WeakReference<Object>> parts = new ConcurrentSkipListMap<>();
    private final CountDownLatch goesOn = new CountDownLatch(1);
    private Rig rig;
    private RawBackend backend;
    private int version;

    @BeforeEach
    void start() throws IOException {
        // Somebody listens, so that the trails of requests are made too.
        rig = new Rig(Rig.config(), new ProxyServer.Listeners(List.of(), List.of(new FieldsOfTunnels())));
        backend = new RawBackend(this::answer);
    }

    @AfterEach
    void stop() {
        goesOn.countDown();
        rig.close();
        backend.close();
    }

    @ParameterizedTest
    @EnumSource(Scheme.class)
    void whatIsOpenKeepsNothingOfTheTableItBeganUnderNorATunnelOfItsRequest(Scheme scheme) throws Exception {
        // Given tunnels, answers that go on and a connection that waits, each begun under a table of its own
        List<RawClient> tunnels = new ArrayList<>();
        for (int i = 0; i < TUNNELS; i++) {
            tunnels.add(underATableOfItsOwn("tunnel " + i, scheme).send("GET /chat" + UPGRADE));
            assertThat(tunnels.getLast().head()).startsWith("HTTP/1.1 101");
        }
        RawClient events = underATableOfItsOwn("events", scheme).send("GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n");
        assertThat(until('<', events)).startsWith("HTTP/1.1 200");
        RawClient refused = underATableOfItsOwn("refused upgrade", scheme).send("GET /events" + UPGRADE);
        assertThat(until('<', refused)).startsWith("HTTP/1.1 200");
        RawClient waiting = underATableOfItsOwn("kept alive", scheme);
        assertThat(waiting.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer())
                .endsWith("hi");
        // When
        swap();
        // Then
        assertThat(heldThroughCollections()).isEmpty();
        for (RawClient tunnel : tunnels) {
            tunnel.send(FRAME);
            assertThat(tunnel.socket.getInputStream().readNBytes(FRAME.length()))
                    .isEqualTo(FRAME.getBytes(StandardCharsets.ISO_8859_1));
            tunnel.close();
        }
        goesOn.countDown();
        for (RawClient answered : List.of(events, refused)) {
            assertThat(until('>', answered)).endsWith(">");
            answered.close();
        }
        assertThat(waiting.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer())
                .endsWith("hi");
        waiting.close();
    }

    private final class FieldsOfTunnels implements RequestListener {
        @Override
        public void began(RequestTrail trail, Fields fields) {
            if ("/chat".equals(trail.head().path())) {
                for (String name : List.of("cookie", "authorization", "user-agent", "sec-websocket-key")) {
                    watch(name + " of " + trail, fields.values(name).getFirst());
                }
            }
        }

        @Override
        public void answered(RequestTrail trail, int status, long nanos) {}
    }

    private void answer(String request, Socket socket) throws IOException {
        if (request.startsWith("GET /chat")) {
            RawBackend.write(socket, SWITCHING);
            socket.getInputStream().transferTo(socket.getOutputStream());
        } else if (request.startsWith("GET /events")) {
            RawBackend.write(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n<\r\n");
            try {
                goesOn.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            RawBackend.write(socket, "1\r\n>\r\n0\r\n\r\n");
        } else {
            RawBackend.write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        }
    }

    private RawClient underATableOfItsOwn(String whose, Scheme scheme) throws Exception {
        swap();
        ActiveTable active = Objects.requireNonNull(rig.routes.active());
        watch(whose + ": active table", active);
        watch(whose + ": table", active.table());
        watch(whose + ": index", active.index());
        active.table().virtualHosts().values().forEach(host -> watch(whose + ": host", host));
        active.table().upstreams().values().forEach(upstream -> watch(whose + ": upstream", upstream));
        active.table().endpoints().values().forEach(group -> watch(whose + ": endpoints", group));
        active.prepared().forEach((by, view) -> watch(whose + ": of " + by.getClass(), view));
        return scheme == Scheme.HTTP ? rig.client() : new RawClient(tlsSocket());
    }

    private void watch(String name, Object part) {
        parts.put(name, new WeakReference<>(part));
    }

    private Socket tlsSocket() throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
        return context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), rig.proxy.httpsPort());
    }

    /** Nothing of it is equal to anything of another, or it would be taken over from one table to the next. */
    private void swap() {
        version++;
        Route route = new Route(
                "r" + version,
                new Route.Owner("Ingress", "ns", "r"),
                RouteMatch.ALL,
                RouteAction.Forward.to("u"),
                Route.Plaintext.SERVE);
        EndpointGroup.Endpoint leaving =
                new EndpointGroup.Endpoint("127.0.0.1", version, EndpointGroup.State.DRAINING, null, List.of());
        rig.routes.swap(
                new TableVersion(version, "0".repeat(64)),
                RouteTable.of(
                        List.of(new VirtualHost(new HostPattern("a.test"), null, List.of(route))),
                        List.of(new Upstream("u", "g", null, Balancing.DEFAULT)),
                        List.of(new EndpointGroup(
                                "g", List.of(EndpointGroup.Endpoint.ready("127.0.0.1", backend.port()), leaving))),
                        List.of()));
    }

    /** What is still reachable after many collections. */
    private List<String> heldThroughCollections() throws InterruptedException {
        List<String> held = held();
        for (int i = 0; i < COLLECTIONS_MAX && !held.isEmpty(); i++) {
            System.gc();
            Thread.sleep(20);
            held = held();
        }
        return held;
    }

    private List<String> held() {
        return parts.entrySet().stream()
                .filter(part -> part.getValue().get() != null)
                .map(Map.Entry::getKey)
                .toList();
    }

    private static String until(char last, RawClient client) {
        StringBuilder text = new StringBuilder();
        try {
            for (int octet = client.socket.getInputStream().read();
                    octet >= 0;
                    octet = client.socket.getInputStream().read()) {
                text.append((char) octet);
                if (octet == last) {
                    break;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }
}

package dev.holdfast.dataplane.trace;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Takes spans by OTLP over HTTP and reads the protobuf that arrives (opentelemetry-proto, {@code trace.proto}). */
public final class Collector implements AutoCloseable {
    /** A span; ids in hexadecimal digits, {@code kind} 1 internal or 2 server, {@code status} 2 for an error. */
    public record ReceivedSpan(
            String traceId,
            String spanId,
            String parentId,
            String name,
            long kind,
            long startNanos,
            long endNanos,
            long status,
            Map<String, String> attributes,
            List<String> links,
            Map<String, String> resource) {}

    private final HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 16);
    private final List<ReceivedSpan> spans = new CopyOnWriteArrayList<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private volatile int status = 200;

    /** Listens on a free port. */
    public Collector() throws IOException {
        server.createContext("/", this::take);
        server.start();
    }

    /** Where it listens. */
    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /** Every span so far. */
    public List<ReceivedSpan> spans() {
        return spans;
    }

    /** Path and content type of every request so far. */
    public List<String> requests() {
        return requests;
    }

    /** Answers with this status from now on. */
    public void answer(int next) {
        status = next;
    }

    private void take(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readAllBytes();
            requests.add(exchange.getRequestURI() + " "
                    + exchange.getRequestHeaders().getFirst("Content-Type"));
            int now = status;
            if (now == 200) {
                ProtobufReader.of(body).messages(1).forEach(this::resourceSpans);
            }
            exchange.sendResponseHeaders(now, -1);
        }
    }

    private void resourceSpans(ProtobufReader message) {
        Map<String, String> resource = new TreeMap<>();
        message.messages(1).forEach(r -> resource.putAll(attributes(r, 1)));
        message.messages(2)
                .forEach(scope -> scope.messages(2)
                        .forEach(span -> spans.add(new ReceivedSpan(
                                span.hex(1),
                                span.hex(2),
                                span.hex(4),
                                span.text(5),
                                span.number(6),
                                span.number(7),
                                span.number(8),
                                span.messages(15).stream()
                                        .mapToLong(s -> s.number(3))
                                        .sum(),
                                attributes(span, 9),
                                span.messages(13).stream()
                                        .map(link -> link.hex(1) + "/" + link.hex(2))
                                        .toList(),
                                resource))));
    }

    private static Map<String, String> attributes(ProtobufReader message, int field) {
        Map<String, String> attributes = new TreeMap<>();
        for (ProtobufReader attribute : message.messages(field)) {
            ProtobufReader value = attribute.messages(2).getFirst();
            attributes.put(attribute.text(1), value.has(1) ? value.text(1) : Long.toString(value.number(3)));
        }
        return attributes;
    }

    @Override
    public void close() {
        server.stop(0);
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}

package dev.holdfast.dataplane.accesslog;

import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.dataplane.proxy.tunnel.TunnelInfo;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Route;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Puts entries into JSON lines. Confined to one thread. */
final class RecordWriter {
    /** What a pipe takes in one piece (POSIX {@code PIPE_BUF} on Linux): no other line can come between. */
    static final int LINE_BYTES_MAX = 4_096;

    private static final int TEXT_CHARS_MAX = 1_024;
    private static final int TEXT_CHARS_SHORT = 64;
    private static final String REDACTED = "\"redacted\"";

    private final AccessLogConfig config;
    private final StringBuilder json = new StringBuilder(512);
    private int textCharsMax = TEXT_CHARS_MAX;

    RecordWriter(AccessLogConfig config) {
        this.config = config;
    }

    /** One line with its line feed, at most {@link #LINE_BYTES_MAX} bytes. */
    byte[] line(Entry entry) {
        textCharsMax = TEXT_CHARS_MAX;
        byte[] line = encode(entry);
        if (line.length > LINE_BYTES_MAX) {
            textCharsMax = TEXT_CHARS_SHORT;
            line = encode(entry);
        }
        return line;
    }

    private byte[] encode(Entry entry) {
        json.setLength(0);
        json.append('{');
        switch (entry) {
            case Entry.Opened opened -> {
                began(opened.atMillis(), "open");
                tunnel(opened.tunnel());
            }
            case Entry.Closed closed -> {
                began(closed.atMillis(), "close");
                tunnel(closed.tunnel());
                end(closed.end());
            }
            case Entry.Answered answered -> {
                began(answered.atMillis(), "request");
                request(answered);
            }
        }
        return json.append("}\n").toString().getBytes(StandardCharsets.UTF_8);
    }

    private void began(long atMillis, String record) {
        text(Field.TIME, Instant.ofEpochMilli(atMillis).toString());
        text(Field.RECORD, record);
    }

    private void tunnel(TunnelInfo tunnel) {
        number(Field.TUNNEL_ID, tunnel.id());
        route(tunnel.route());
        address(tunnel.address());
        text(Field.HOST, tunnel.client().host());
        text(Field.PATH, tunnel.client().path());
        text(Field.SUBPROTOCOL, tunnel.subprotocol());
        RequestTrail trail = tunnel.trail();
        text(Field.HTTP_VERSION, trail == null ? "1.1" : trail.head().httpVersion());
        text(Field.TLS_VERSION, trail == null ? null : trail.head().client().tlsVersion());
        text(Field.SNI, tunnel.client().sni());
        backend(tunnel.endpoint());
        millis(Field.HANDSHAKE_MS, tunnel.handshake().toNanos());
        text(Field.REQUEST_ID, tunnel.client().requestId());
        trace(trail);
    }

    private void end(TunnelEnd end) {
        millis(Field.DURATION_MS, end.duration().toNanos());
        number(Field.BYTES_FROM_CLIENT, end.bytesFromClient());
        number(Field.BYTES_FROM_BACKEND, end.bytesFromBackend());
        number(Field.MESSAGES_FROM_CLIENT, end.messagesFromClient());
        number(Field.MESSAGES_FROM_BACKEND, end.messagesFromBackend());
        text(Field.INITIATOR, end.initiator().label());
        Integer code = end.closeCode();
        if (code != null) {
            number(Field.CODE, code);
        }
        text(Field.REASON, end.reason().label());
        raw(Field.DRAIN, Boolean.toString(end.reason() == TunnelEnd.Reason.DRAIN));
    }

    private void request(Entry.Answered answered) {
        RequestTrail trail = answered.trail();
        RequestTrail.Head head = trail.head();
        Route route = head.route();
        if (route != null) {
            route(route);
        }
        address(head.client().address());
        text(Field.HOST, head.host());
        text(Field.METHOD, head.method());
        text(Field.PATH, head.path());
        text(Field.HTTP_VERSION, head.httpVersion());
        text(Field.TLS_VERSION, head.client().tlsVersion());
        text(Field.SNI, head.client().sni());
        EndpointGroup.Endpoint endpoint = trail.backend();
        if (endpoint != null) {
            backend(endpoint);
        }
        millis(Field.DURATION_MS, answered.nanos());
        number(Field.BYTES_FROM_CLIENT, trail.bytesFromClient());
        number(Field.BYTES_FROM_BACKEND, trail.bytesFromBackend());
        number(Field.STATUS, answered.status());
        text(Field.REQUEST_ID, head.client().requestId());
        trace(trail);
    }

    private void route(Route route) {
        text(Field.NAMESPACE, route.owner().namespace());
        text(Field.ROUTE, route.owner().name());
    }

    private void address(@Nullable InetAddress address) {
        text(Field.CLIENT, address == null ? null : address.getHostAddress());
    }

    private void backend(EndpointGroup.Endpoint endpoint) {
        String address = endpoint.address();
        text(Field.BACKEND, (address.indexOf(':') < 0 ? address : "[" + address + "]") + ":" + endpoint.port());
    }

    private void trace(@Nullable RequestTrail trail) {
        RequestTrail.Trace trace = trail == null ? null : trail.trace();
        text(Field.TRACE_ID, trace == null ? null : trace.traceId());
    }

    private void millis(Field field, long nanos) {
        long micros = nanos / 1_000;
        raw(field, micros / 1_000 + "." + Long.toString(1_000 + micros % 1_000).substring(1));
    }

    private void number(Field field, long value) {
        raw(field, Long.toString(value));
    }

    private void text(Field field, @Nullable String value) {
        if (value == null) {
            return;
        }
        switch (config.of(field)) {
            case DROP -> {}
            case REDACT -> raw(field, REDACTED);
            case KEEP -> {
                name(field);
                quote(value);
            }
        }
    }

    private void raw(Field field, String value) {
        switch (config.of(field)) {
            case DROP -> {}
            case REDACT -> {
                name(field);
                json.append(REDACTED);
            }
            case KEEP -> {
                name(field);
                json.append(value);
            }
        }
    }

    private void name(Field field) {
        if (json.length() > 1) {
            json.append(',');
        }
        json.append('"').append(field.label()).append("\":");
    }

    private void quote(String value) {
        json.append('"');
        int length = Math.min(value.length(), textCharsMax);
        for (int i = 0; i < length; i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < 0x20
                    || c >= 0x7f && c < 0xa0
                    || c == '\u2028'
                    || c == '\u2029'
                    || Character.isSurrogate(c)) {
                json.append("\\u").append(Integer.toHexString(0x10000 | c), 1, 5);
            } else {
                json.append(c);
            }
        }
        if (length < value.length()) {
            json.append('…');
        }
        json.append('"');
    }
}

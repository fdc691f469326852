package dev.holdfast.dataplane.accesslog;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The fields of records, in the order in which they are written. */
public enum Field {
    /** When it happened, UTC, RFC 3339. */
    TIME,
    /** {@code open}, {@code close} or {@code request}. */
    RECORD,
    /** The same in both records of a tunnel; unique in its process. */
    TUNNEL_ID,
    /** Of the object that owns the route. */
    NAMESPACE,
    /** The object that owns the route. */
    ROUTE,
    /** The address of the client, after trusted proxies. */
    CLIENT,
    /** As matched. */
    HOST,
    /** Of a request. */
    METHOD,
    /** As matched, without query. */
    PATH,
    /** That the backend chose. */
    SUBPROTOCOL,
    /** The client's. */
    HTTP_VERSION,
    /** The client's. */
    TLS_VERSION,
    /** The name in the client's hello. */
    SNI,
    /** Address and port of the endpoint. */
    BACKEND,
    /** From the request head to the 101. */
    HANDSHAKE_MS,
    /** How long the tunnel was open; of a request, from its first octet to the end of its answer. */
    DURATION_MS,
    /** Of the tunnel, or of the body of the request. */
    BYTES_FROM_CLIENT,
    /** Of the tunnel, or of the body of the answer. */
    BYTES_FROM_BACKEND,
    /** Text and binary messages of the tunnel. */
    MESSAGES_FROM_CLIENT,
    /** Text and binary messages of the tunnel. */
    MESSAGES_FROM_BACKEND,
    /** Of the answer; 499 if the client went away first. */
    STATUS,
    /** Who began the end. */
    INITIATOR,
    /** Of the first Close frame; left out when there was none. */
    CODE,
    /** How the tunnel ended. */
    REASON,
    /** Whether a drain ended the tunnel. */
    DRAIN,
    /** As the backend was told in {@code X-Request-ID}. */
    REQUEST_ID,
    /** If it was traced. */
    TRACE_ID;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** The name in a record. */
    public String label() {
        return label;
    }

    /**
     * The field of this name.
     *
     * @throws IllegalArgumentException naming all of them
     */
    public static Field named(String label) {
        return Arrays.stream(values())
                .filter(field -> field.label.equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("accessLog.field: \"" + label + "\" (expected: one of "
                        + Arrays.stream(values()).map(Field::label).collect(Collectors.joining(", ")) + ")"));
    }
}

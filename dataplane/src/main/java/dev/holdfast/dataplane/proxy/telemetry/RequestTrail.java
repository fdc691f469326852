package dev.holdfast.dataplane.proxy.telemetry;

import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Route;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What records and traces tell of one request or upgrade; made only if there are any. Confined to the client's event
 * loop until it is answered, and not changed after that.
 */
public final class RequestTrail {
    /** The status of a request whose client went away before the answer; no such answer is ever sent. */
    public static final int CLIENT_GONE = 499;

    /**
     * What is known at its beginning.
     *
     * @param httpVersion {@code 1.0} or {@code 1.1}
     * @param scheme {@code http} or {@code https}, as the client used it
     * @param host as matched; null if it was not valid
     * @param path as matched, without query; null if it was not valid
     * @param route that matched, or null
     * @param beganNanos by {@link System#nanoTime}
     */
    public record Head(
            String method,
            String httpVersion,
            String scheme,
            @Nullable String host,
            @Nullable String path,
            @Nullable Route route,
            Client client,
            long beganNanos) {}

    /**
     * Who asks.
     *
     * @param address after trusted proxies
     * @param sni lower case; null without TLS or without a name
     * @param tlsVersion for instance {@code TLSv1.3}; null without TLS
     */
    public record Client(
            @Nullable InetSocketAddress peer,
            @Nullable InetAddress address,
            @Nullable String sni,
            @Nullable String tlsVersion,
            String requestId) {}

    /** The ids by which a trace is found, as text (W3C Trace Context). */
    public interface Trace {
        /** 32 hexadecimal digits. */
        String traceId();
    }

    private final RequestListener listener;
    private final Head head;
    private EndpointGroup.@Nullable Endpoint backend;
    private @Nullable Trace trace;
    private long bytesFromClient;
    private long bytesFromBackend;
    private boolean answered;

    /** Begins; {@code listener} is told the end. */
    public RequestTrail(RequestListener listener, Head head) {
        this.listener = listener;
        this.head = head;
    }

    /** What is known at its beginning. */
    public Head head() {
        return head;
    }

    /** The endpoint that was connected last, or null. */
    public EndpointGroup.@Nullable Endpoint backend() {
        return backend;
    }

    /** An endpoint was connected. */
    public void connected(EndpointGroup.Endpoint endpoint) {
        backend = endpoint;
    }

    /** The trace it belongs to, or null. */
    public @Nullable Trace trace() {
        return trace;
    }

    /** It belongs to a trace. */
    public void trace(Trace of) {
        trace = of;
    }

    /** A part of its body came. */
    public void fromClient(int bytes) {
        bytesFromClient += bytes;
    }

    /** A part of the answer's body came. */
    public void fromBackend(int bytes) {
        bytesFromBackend += bytes;
    }

    /** Of its body. */
    public long bytesFromClient() {
        return bytesFromClient;
    }

    /** Of the body of a backend's answer. */
    public long bytesFromBackend() {
        return bytesFromBackend;
    }

    /** What becomes of it is known; these are its fields. */
    public void began(RequestListener.Fields fields) {
        listener.began(this, fields);
    }

    /** It was answered; what is told after the first time is not heard. */
    public void answered(int status) {
        if (!answered) {
            answered = true;
            listener.answered(this, status, System.nanoTime() - head.beganNanos());
        }
    }
}

package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.upstream.EndpointLease;
import dev.holdfast.dataplane.proxy.upstream.Selection;
import dev.holdfast.routetable.EndpointGroup;
import org.jspecify.annotations.Nullable;

/**
 * Whether a plain request is sent again, and to whom, when the backend ends its connection before a word of the answer
 * (RFC 9110 §9.2.2, RFC 9112 §9.3.1). Confined to the event loop of its exchange.
 */
final class Retry {
    private final PlainRequest request;
    private final long nanosMax;
    private EndpointGroup.@Nullable Endpoint first;
    private boolean reused;
    private boolean moved;
    private boolean answered;
    private long sentNanos;

    Retry(PlainRequest request) {
        this.request = request;
        // A connection that another has given up ends at once. Who took longer had begun, and those who were listed
        // then may be gone.
        this.nanosMax = request.forward().timeouts().connect().toNanos();
    }

    /**
     * The request goes to an endpoint.
     *
     * @param overReused its connection served others before
     */
    void sent(EndpointGroup.Endpoint to, boolean overReused) {
        moved |= first != null && !first.equals(to);
        first = first == null ? to : first;
        reused = overReused;
        sentNanos = System.nanoTime();
    }

    /** The first octet of an answer is here: nothing is sent again. */
    void answerBegins() {
        answered = true;
    }

    /**
     * Who is asked next. A connection that was idle was given up while the request was on its way: the same endpoint, over a new
     * one. Who ends a new one is about to go, or cannot bear the request: one other endpoint, and no third; not for a client
     * that is bound to this one, which would lose what is kept for it there.
     *
     * @param used is taken over: it comes back, or is released
     * @param bodyBegan some of the body was sent
     */
    @Nullable
    EndpointLease next(EndpointLease used, boolean bodyBegan) {
        if (!answered && System.nanoTime() - sentNanos <= nanosMax) {
            if (reused && (request.hasNoBody() ? request.isIdempotent() : !bodyBegan)) {
                return used;
            }
            if (!reused && !moved && isHarmlessElsewhere(used)) {
                request.metrics().backendConnectFailed("unanswered");
                return used.next(false) instanceof Selection.Selected other ? other.lease() : null;
            }
        }
        used.release();
        return null;
    }

    private boolean isHarmlessElsewhere(EndpointLease used) {
        return request.hasNoBody()
                && request.isIdempotent()
                && used.upstream().balancing().stickyCookie() == null;
    }
}

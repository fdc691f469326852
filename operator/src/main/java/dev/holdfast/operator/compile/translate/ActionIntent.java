package dev.holdfast.operator.compile.translate;

import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Timeouts;
import java.util.List;

/** What a route shall do, with backends still as the user wrote them. */
public sealed interface ActionIntent {
    /** Proxies to backends. */
    record Forward(
            List<BackendIntent> backends,
            Rewrite rewrite,
            HeaderChanges requestHeaders,
            HeaderChanges responseHeaders,
            Timeouts timeouts)
            implements ActionIntent {
        /** Copies the list. */
        public Forward {
            backends = List.copyOf(backends);
        }
    }

    /**
     * Answers 503: the match is valid, what it should do is not.
     *
     * @param reason one sentence for the client; it names no internal object
     */
    record Reject(String reason) implements ActionIntent {}
}

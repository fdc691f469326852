package dev.holdfast.routetable.match;

import java.util.Collection;

/**
 * What matching reads of a request. An implementation answers from the parsed head without copying it; conditions that
 * no route asks for are never evaluated. Each candidate asks anew: an answer is kept, and where values are many it is a
 * collection that finds one without a walk.
 */
public interface RequestView {
    /** The host: lower case, without port and trailing dot. */
    String host();

    /** The path in the form of {@link RequestPath#parse}. */
    String path();

    /** Every value of a header, in order; matching asks in lower case. */
    Collection<String> headerValues(String name);

    /** Every value of a query parameter, percent-decoded, in order; the name is compared with case. */
    Collection<String> queryValues(String name);

    /** The subprotocols that the client offers, in order. */
    Collection<String> subprotocols();
}

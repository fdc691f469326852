package dev.holdfast.dataplane.conformance.rig;

import java.io.IOException;

/** What stands between clients and backends: the proxy, or what an oracle must be able to tell from it. */
public interface Front {
    /** A new connection without TLS. */
    RawClient client() throws IOException;

    /** The answer to bytes sent in one write on a connection of their own. */
    default RawResponse ask(String request) throws IOException {
        try (RawClient client = client()) {
            String method = request.substring(0, Math.max(0, request.indexOf(' ')));
            return client.send(request).response(method);
        }
    }
}

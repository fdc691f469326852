package dev.holdfast.dataplane.conformance;

import dev.holdfast.dataplane.conformance.rig.RawClient;
import java.io.IOException;

/** Asks once over TLS, in a JVM of its own that prints the handshake. */
final class EarlyDataProbe {
    private EarlyDataProbe() {}

    /** Takes the port. */
    public static void main(String[] arguments) throws IOException {
        try (RawClient client = RawClient.tls(Integer.parseInt(arguments[0]), "a.test")) {
            int status = client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                    .response()
                    .status();
            client.end();
            System.out.println("status " + status);
        }
    }
}

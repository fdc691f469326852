package dev.holdfast.cli.manifest;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.SecretBytes;
import java.util.Map;
import java.util.SortedSet;

/** What local mode adds to manifests, so that they run as they are without a cluster. */
public interface LocalExtras {
    /** A Service with this annotation, and without an EndpointSlice, has these loopback endpoints. */
    String ENDPOINTS_ANNOTATION = "holdfast.dev/local-endpoints";

    /** In {@link #ENDPOINTS_ANNOTATION}: the built-in echo backend; {@code builtin:echo/blue} is another one named blue. */
    String ECHO = "builtin:echo";

    /** A Secret with this annotation as {@code "true"}, and without a certificate, gets a self-made one. */
    String CERTIFICATE_ANNOTATION = "holdfast.dev/local-certificate";

    /**
     * The port of a built-in echo backend, which starts when it is first asked for.
     *
     * @throws IllegalArgumentException if there cannot be one of that name; the message is for the author
     */
    int echoPort(String name);

    /** Certificate and key for a Secret, {@code tls.crt} and {@code tls.key}; the same for the same hosts. */
    Map<String, SecretBytes> certificate(ResourceRef secret, SortedSet<String> hosts);
}

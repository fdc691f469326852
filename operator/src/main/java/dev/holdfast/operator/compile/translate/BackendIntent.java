package dev.holdfast.operator.compile.translate;

import dev.holdfast.routetable.BackendTls.Verification;
import dev.holdfast.routetable.Balancing;
import org.jspecify.annotations.Nullable;

/** One backend of a route, as the user wrote it. */
public sealed interface BackendIntent {
    /** Its share, relative to the other backends of the route. */
    int weight();

    /** A Service and port. */
    record ServiceBackend(String fieldPath, String namespace, String service, PortRef port, int weight, Speech speech)
            implements BackendIntent {}

    /** One that is refused for what it says; its share answers 503. */
    record InvalidBackend(String namespace, String service, String port, int weight) implements BackendIntent {}

    /** A port of a Service. */
    sealed interface PortRef {
        /** By number. */
        record Number(int port) implements PortRef {
            @Override
            public String toString() {
                return Integer.toString(port);
            }
        }

        /** By name. */
        record Name(String name) implements PortRef {
            @Override
            public String toString() {
                return name;
            }
        }
    }

    /** How to speak to endpoints. ws is http and wss is https: the upgrade makes the difference. */
    enum Protocol {
        /** Without TLS. */
        HTTP,
        /** With TLS. */
        HTTPS
    }

    /**
     * How to speak to a backend.
     *
     * @param protocol null: the {@code appProtocol} of the Service port decides
     * @param tls null: the defaults of TLS, if the protocol has it
     */
    record Speech(@Nullable Protocol protocol, @Nullable TlsSettings tls, Balancing balancing) {
        /** What a user gets who says nothing. */
        public static final Speech DEFAULT = new Speech(null, null, Balancing.DEFAULT);
    }

    /**
     * TLS towards a backend.
     *
     * @param fieldPath where the user wrote it
     * @param caSecret a Secret in the namespace of the backend whose {@code ca.crt} is trusted; null trusts the platform
     */
    record TlsSettings(
            String fieldPath,
            Verification verification,
            @Nullable String caSecret,
            @Nullable String serverName) {}
}

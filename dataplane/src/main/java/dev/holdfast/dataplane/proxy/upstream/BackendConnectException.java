package dev.holdfast.dataplane.proxy.upstream;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** No endpoint could be connected; says how the last attempt failed. */
public final class BackendConnectException extends IOException {
    private static final long serialVersionUID = 1;

    /** How a connection failed; a metric label. */
    public enum Reason {
        /** The endpoint refused, reset or could not be reached. */
        REFUSED,
        /** The time ran out. */
        TIMEOUT,
        /** The TLS handshake failed or the certificate was not accepted. */
        TLS,
        /** This process has no socket for it: out of file descriptors. */
        LOCAL;

        /** The label value. */
        public String label() {
            return switch (this) {
                case REFUSED -> "refused";
                case TIMEOUT -> "timeout";
                case TLS -> "tls";
                case LOCAL -> "local";
            };
        }
    }

    private final Reason reason;

    /** A failure without a stack trace: it is an outcome, not a bug. */
    BackendConnectException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    /** How the last attempt failed. */
    public Reason reason() {
        return reason;
    }

    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}

package dev.holdfast.dataplane.proxy.tunnel;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How a tunnel ended.
 *
 * @param initiator who began it
 * @param closeCode of the first Close frame that passed or was sent (RFC 6455 §7.4); 1005 for one without a code; null
 *     when there was none (a client then reports 1006)
 * @param bytesFromClient relayed to the backend
 * @param bytesFromBackend relayed to the client
 * @param messagesFromClient text and binary messages that the client began (RFC 6455 §5.6)
 * @param messagesFromBackend those that the backend began
 */
public record TunnelEnd(
        Initiator initiator,
        Reason reason,
        @Nullable Integer closeCode,
        Duration duration,
        long bytesFromClient,
        long bytesFromBackend,
        long messagesFromClient,
        long messagesFromBackend) {
    private static final int INTERNAL_ERROR = 1011;

    /** Who began the end. */
    public enum Initiator {
        /** The client. */
        CLIENT("client"),
        /** The backend. */
        BACKEND("backend"),
        /** We. */
        PROXY("proxy");

        private final String label;

        Initiator(String label) {
            this.label = label;
        }

        /** The label value in metrics and logs. */
        public String label() {
            return label;
        }
    }

    /** What began the end. */
    public enum Reason {
        /** A Close frame. */
        CLOSE_FRAME("close_frame"),
        /** The end of the stream without a Close frame. */
        FIN("fin"),
        /** A reset or another failure of a connection. */
        RESET("reset"),
        /** A peer acknowledged nothing for the silent-peer timeout: it is gone without a word. */
        SILENT("silent"),
        /** No byte in either direction for the route's idle timeout. */
        IDLE("idle"),
        /** A drain. */
        DRAIN("drain");

        private final String label;

        Reason(String label) {
            this.label = label;
        }

        /** The label value in metrics and logs. */
        public String label() {
            return label;
        }
    }

    /**
     * {@code 1xxx}, {@code 3xxx} or {@code 4xxx}; {@code 1011} by itself, for it is a peer's internal error (RFC 6455
     * §7.4.1); {@code none} without a Close frame; {@code other} for the rest.
     */
    public String codeClass() {
        Integer code = closeCode;
        if (code == null) {
            return "none";
        }
        if (code == INTERNAL_ERROR) {
            return "1011";
        }
        return switch (code / 1000) {
            case 1 -> "1xxx";
            case 3 -> "3xxx";
            case 4 -> "4xxx";
            default -> "other";
        };
    }
}

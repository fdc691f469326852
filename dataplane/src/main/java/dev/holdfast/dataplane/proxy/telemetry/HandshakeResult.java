package dev.holdfast.dataplane.proxy.telemetry;

/** How a handshake ended; a metric label. */
public enum HandshakeResult {
    /** A tunnel was opened. */
    UPGRADED("upgraded"),
    /** The backend answered otherwise, and its answer was relayed. */
    REFUSED("refused"),
    /** We answered with an error. */
    FAILED("failed"),
    /** The client went away first. */
    CANCELLED("cancelled");

    private final String label;

    HandshakeResult(String label) {
        this.label = label;
    }

    /** The label value. */
    public String label() {
        return label;
    }
}

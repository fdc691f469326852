package dev.holdfast.routetable.wire;

/** What was received is not what the protocol allows; the message names the field and the rule, never a secret. */
public final class WireException extends Exception {
    private static final long serialVersionUID = 1L;

    /** A refusal with its reason. */
    public WireException(String message, Throwable cause) {
        super(message, cause);
    }
}

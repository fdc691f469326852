package dev.holdfast.routetable.wire;

/** What was received is not what the protocol allows; the message names the field and the rule, never a secret. */
public final class WireException extends Exception {
    private static final long serialVersionUID = 1L;

    /** A refusal with its reason. It has no cause, because the messages of a parser quote what they read. */
    public WireException(String message) {
        super(message);
    }
}

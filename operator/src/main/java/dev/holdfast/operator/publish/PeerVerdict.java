package dev.holdfast.operator.publish;

import java.time.Instant;

/** What is known of who sends a request. The reasons are for the log and never repeat a token. */
public sealed interface PeerVerdict {
    /**
     * A data plane.
     *
     * @param pod the name of its pod, which is its own name
     * @param until when what it showed ends to be valid
     */
    record Known(String pod, Instant until) implements PeerVerdict {}

    /** It showed nothing, or nothing that is valid: 401. */
    record Unknown(String why) implements PeerVerdict {}

    /** It is who it says, and may not ask: 403. */
    record Foreign(String why) implements PeerVerdict {}

    /** It cannot be told now: 503. */
    record Undecided(String why) implements PeerVerdict {}
}

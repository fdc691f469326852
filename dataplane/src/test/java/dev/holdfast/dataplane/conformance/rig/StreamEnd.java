package dev.holdfast.dataplane.conformance.rig;

import java.nio.charset.StandardCharsets;

/** What came until a stream ended, and how it ended. */
public record StreamEnd(byte[] bytes, How how) {
    /** How a stream ended. */
    public enum How {
        /** In order: FIN, and close_notify under TLS. */
        FIN,
        /** With a reset, or without close_notify. */
        RESET,
        /** Not within the time that was waited. */
        OPEN
    }

    /** The bytes, a character per byte. */
    public String text() {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** Whether it ended at all. */
    public boolean ended() {
        return how != How.OPEN;
    }
}

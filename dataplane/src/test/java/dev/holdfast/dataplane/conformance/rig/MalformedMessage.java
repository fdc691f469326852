package dev.holdfast.dataplane.conformance.rig;

import java.io.IOException;

/** Bytes that are no message: the proxy must never send such. */
public final class MalformedMessage extends IOException {
    private static final long serialVersionUID = 1L;

    MalformedMessage(String what) {
        super("malformed: " + what);
    }
}

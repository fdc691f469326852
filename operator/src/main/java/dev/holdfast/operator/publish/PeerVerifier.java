package dev.holdfast.operator.publish;

/** Tells from a bearer token who sends a request. Thread-safe; may block for as long as a request to the API server. */
@FunctionalInterface
public interface PeerVerifier {
    /** Who shows this token; never throws for what a stranger sent. */
    PeerVerdict verify(String token);
}

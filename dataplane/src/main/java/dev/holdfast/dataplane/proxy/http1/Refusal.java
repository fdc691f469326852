package dev.holdfast.dataplane.proxy.http1;

/**
 * Why a message is refused.
 *
 * @param status that a client is answered with; an answer of a backend that is refused is 502 whatever stands here
 * @param reason one sentence without text of the peer
 */
public record Refusal(int status, String reason) {
    static Refusal malformed(String reason) {
        return new Refusal(400, reason);
    }
}

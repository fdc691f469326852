package dev.holdfast.operator;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;

/** Tokens that look like those of ServiceAccounts; what they are worth, the mock API server says. */
final class Tokens {
    static final String AUDIENCE = "holdfast.dev/route-stream";
    static final String USER = "system:serviceaccount:edge:proxy";

    private static final AtomicInteger SERIAL = new AtomicInteger();

    private Tokens() {}

    /**
     * What a data plane shows and whom it trusts.
     *
     * @param trust a context that trusts the operator's CA
     */
    record Shown(String token, SSLContext trust) {}

    static String token(String audience, Duration validity) {
        return token(USER, audience, validity);
    }

    private static String token(String subject, String audience, Duration validity) {
        String claims = "{\"sub\":\"%s\",\"aud\":[\"%s\"],\"exp\":%d,\"jti\":\"%d\"}"
                .formatted(subject, audience, Instant.now().plus(validity).getEpochSecond(), SERIAL.incrementAndGet());
        return part("{\"alg\":\"RS256\"}") + "." + part(claims) + "." + part("signature");
    }

    static String token() {
        return token(AUDIENCE, Duration.ofHours(1));
    }

    /** One that does not even say that it is a data plane's. */
    static String stranger() {
        return token("system:serviceaccount:tenant:default", AUDIENCE, Duration.ofHours(1));
    }

    private static String part(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}

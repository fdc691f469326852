package dev.holdfast.routetable;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How an endpoint is chosen for a new tunnel or request.
 *
 * @param stickyCookie non-null: a client that presents the cookie returns to its endpoint while that one is ready or
 *     draining; everyone else is placed by {@code policy} and given the cookie
 */
public record Balancing(Policy policy, @Nullable StickyCookie stickyCookie) {
    /** The default: fewest open tunnels, no cookie. */
    public static final Balancing DEFAULT = new Balancing(Policy.LEAST_TUNNELS, null);

    /** How an endpoint is chosen. */
    public enum Policy {
        /** The endpoint with the fewest open tunnels and requests; ties in turn. */
        LEAST_TUNNELS,
        /** One after the other. */
        ROUND_ROBIN,
        /** By a consistent hash of the client's address, after trusted proxies. */
        CLIENT_ADDRESS_HASH
    }

    /** {@code SameSite} of a cookie. */
    public enum SameSite {
        /** Sent with same-site requests only. */
        STRICT,
        /** Sent with same-site requests and top-level navigation. */
        LAX,
        /** Sent with every request; browsers want {@code Secure} beside it. */
        NONE
    }

    /**
     * The cookie that keeps a client on its endpoint (RFC 6265). Always {@code HttpOnly}; {@code Secure} when the
     * request came over TLS.
     *
     * @param maxAge null makes it a session cookie
     * @param sameSite null leaves the attribute out
     */
    public record StickyCookie(
            String name,
            String path,
            @Nullable Duration maxAge,
            @Nullable SameSite sameSite) {
        /** Refuses a name that is no token and a path that could end the attribute. */
        public StickyCookie {
            Bounds.token("stickyCookie.name", name);
            Bounds.fieldValue("stickyCookie.path", path);
            if (!path.startsWith("/") || path.indexOf(';') >= 0) {
                throw new IllegalArgumentException(
                        "stickyCookie.path: \"" + path + "\" (expected: to start with \"/\", without \";\")");
            }
            if (maxAge != null) {
                Bounds.timeout("stickyCookie.maxAge", maxAge);
            }
        }
    }
}

package dev.holdfast.dataplane.proxy.upstream;

/** Whether a cookie that we set is marked {@code Secure}. */
public enum CookieSecurity {
    /** The request came over TLS: the cookie is for TLS only. */
    SECURE,
    /** The request came without TLS. */
    PLAIN
}

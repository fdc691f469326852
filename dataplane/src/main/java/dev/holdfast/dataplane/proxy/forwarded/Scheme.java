package dev.holdfast.dataplane.proxy.forwarded;

/** How the client speaks to us, or to the trusted proxy before us. */
public enum Scheme {
    /** Without TLS. */
    HTTP("http", 80),
    /** With TLS. */
    HTTPS("https", 443);

    private final String text;
    private final int defaultPort;

    Scheme(String text, int defaultPort) {
        this.text = text;
        this.defaultPort = defaultPort;
    }

    /** As in a URL. */
    public String text() {
        return text;
    }

    /** The port of a URL that names none. */
    public int defaultPort() {
        return defaultPort;
    }
}

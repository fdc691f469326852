package dev.holdfast.operator.publish;

import java.util.Map;

/**
 * What every {@code com.sun.net.httpserver.HttpServer} of this process keeps to. The JDK reads it once, when the first of
 * them is created, whichever that is: each that creates one asks for it before. What the command line sets stays.
 */
public final class ServerLimits {
    /** Connections to one server, TLS and requests under way or not; further ones are closed at once. */
    public static final int CONNECTIONS_MAX = 4_000;

    private static final Map<String, String> PROPERTIES = Map.of(
            // Else every event waits for the reader's delayed acknowledgement.
            "sun.net.httpserver.nodelay",
            "true",
            // Else a head that never ends holds its thread for ever.
            "sun.net.httpserver.maxReqTime",
            "30",
            "sun.net.httpserver.maxReqHeaders",
            "50",
            "jdk.httpserver.maxConnections",
            Integer.toString(CONNECTIONS_MAX));

    private ServerLimits() {}

    /** Sets them, unless they are set. */
    public static void set() {
        PROPERTIES.forEach(System.getProperties()::putIfAbsent);
    }
}

package dev.holdfast.cli.local;

import java.nio.file.Path;
import java.time.Duration;

/**
 * What local mode is told.
 *
 * @param origin where routes come from
 * @param ports where it listens, on loopback
 * @param drainWindow over how long open tunnels are told to go at the end; zero cuts them
 */
public record LocalConfig(Origin origin, Ports ports, Duration drainWindow) {
    /** How long the end takes unless said otherwise. */
    public static final Duration DRAIN_WINDOW = Duration.ofSeconds(5);

    /** Where routes come from. */
    public sealed interface Origin {
        /** A directory of manifests, or one manifest, followed. */
        record Directory(Path path) implements Origin {}

        /**
         * One backend for every request.
         *
         * @param host a name or an address
         */
        record Backend(String host, int port) implements Origin {
            /** Parses {@code HOST:PORT}, {@code [ADDRESS]:PORT} or {@code PORT} alone. */
            public static Backend parse(String text) {
                int colon = text.lastIndexOf(':');
                String host = colon < 0 ? "localhost" : text.substring(0, colon);
                try {
                    int port = Integer.parseInt(text.substring(colon + 1));
                    if (port >= 1 && port <= 65_535 && !host.isEmpty() && !host.contains("/")) {
                        return new Backend(host.startsWith("[") ? host.substring(1, host.length() - 1) : host, port);
                    }
                } catch (NumberFormatException e) {
                    // Falls through to the message that names the form.
                }
                throw new IllegalArgumentException(
                        "--to: " + text + " (expected: HOST:PORT, for example localhost:3000)");
            }
        }
    }

    /** Ports on loopback; 0 takes any free one. */
    public record Ports(int http, int https, int admin) {
        /** What {@code holdfast local} listens on unless said otherwise. */
        public static final Ports DEFAULT = new Ports(8080, 8443, 9900);

        /** Any free ones. */
        public static final Ports ANY = new Ports(0, 0, 0);

        /** Refuses what is no port. */
        public Ports {
            port("--http-port", http);
            port("--https-port", https);
            port("--admin-port", admin);
        }

        private static void port(String option, int port) {
            if (port < 0 || port > 65_535) {
                throw new IllegalArgumentException(
                        option + ": " + port + " (expected: 1 to 65535, or 0 for any free one)");
            }
        }
    }

    /** Serves a directory on any free ports. */
    public static LocalConfig of(Path directory) {
        return new LocalConfig(new Origin.Directory(directory), Ports.ANY, DRAIN_WINDOW);
    }
}

package dev.holdfast.dataplane.trace;

import java.net.URI;

/**
 * Where spans are sent.
 *
 * @param endpoint of a collector, {@code http} or {@code https}; without a path {@code /v1/traces} is meant
 * @param sample the share of requests without a trace of their own that begin one, 0 to 1
 * @param instance how this process is named in them
 */
public record TraceConfig(URI endpoint, double sample, String instance) {
    /** Refuses another scheme and a share outside 0 to 1. */
    public TraceConfig {
        String scheme = endpoint.getScheme();
        if (endpoint.getHost() == null || !("http".equals(scheme) || "https".equals(scheme))) {
            throw new IllegalArgumentException(
                    "--otlp-endpoint: " + endpoint + " (expected: a URL, http://collector:4318)");
        }
        if (!(sample >= 0 && sample <= 1)) {
            throw new IllegalArgumentException("--otlp-sample: " + sample + " (expected: 0 to 1)");
        }
    }
}

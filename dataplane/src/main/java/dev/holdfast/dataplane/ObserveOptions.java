package dev.holdfast.dataplane;

import dev.holdfast.dataplane.accesslog.AccessLogConfig;
import dev.holdfast.dataplane.accesslog.AccessLogConfig.Records;
import dev.holdfast.dataplane.accesslog.AccessLogConfig.Treatment;
import dev.holdfast.dataplane.accesslog.Field;
import dev.holdfast.dataplane.trace.TraceConfig;
import java.net.URI;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say what is told of the traffic: {@code docs/observability.md} shows it. */
@SuppressWarnings("NullAway.Init")
final class ObserveOptions {
    @Option(
            names = "--access-log",
            defaultValue = "off",
            paramLabel = "WHAT",
            description = {
                "JSON records on standard output: off; tunnels, one when a tunnel opens and one when it closes;",
                "all, plain requests too (default: ${DEFAULT-VALUE})."
            })
    private String accessLog;

    @Option(
            names = "--access-log-open-sample",
            defaultValue = "1",
            paramLabel = "SHARE",
            description = "The share of tunnels that are recorded when they open, 0 to 1 (default: ${DEFAULT-VALUE}).")
    private double openSample;

    @Option(
            names = "--access-log-field",
            split = ",",
            paramLabel = "NAME=TREATMENT",
            description = "What becomes of a field of the records: keep, drop or redact (default: all are kept).")
    private Map<String, String> fields = new LinkedHashMap<>();

    @Option(
            names = "--otlp-endpoint",
            paramLabel = "URL",
            description =
                    "A collector of OpenTelemetry that takes spans by HTTP, http://collector:4318 (default: none).")
    private @Nullable URI otlpEndpoint;

    @Option(
            names = "--otlp-sample",
            defaultValue = "1",
            paramLabel = "SHARE",
            description =
                    "The share of requests that begin a trace, 0 to 1; those that came with one follow it (default: ${DEFAULT-VALUE}).")
    private double otlpSample;

    /**
     * {@code instance} is the name of the data plane.
     *
     * @throws IllegalArgumentException naming the option and what it may be
     */
    ObserveConfig config(String instance) {
        Map<Field, Treatment> treatments = new EnumMap<>(Field.class);
        fields.forEach((name, treatment) ->
                treatments.put(Field.named(name), oneOf("--access-log-field", treatment, Treatment.values())));
        return new ObserveConfig(
                new AccessLogConfig(oneOf("--access-log", accessLog, Records.values()), openSample, treatments),
                otlpEndpoint == null ? null : new TraceConfig(otlpEndpoint, otlpSample, instance));
    }

    private static <E extends Enum<E>> E oneOf(String option, String text, E[] values) {
        StringBuilder names = new StringBuilder();
        for (E value : values) {
            String name = value.name().toLowerCase(Locale.ROOT);
            if (name.equals(text)) {
                return value;
            }
            names.append(names.isEmpty() ? "" : ", ").append(name);
        }
        throw new IllegalArgumentException(option + ": \"" + text + "\" (expected: one of " + names + ")");
    }
}

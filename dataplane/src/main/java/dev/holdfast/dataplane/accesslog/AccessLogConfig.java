package dev.holdfast.dataplane.accesslog;

import java.util.EnumMap;
import java.util.Map;

/**
 * What is written.
 *
 * @param openSample the share of tunnels that get a record when they open, 0 to 1; each gets one when it closes
 * @param fields those that are not kept as they are
 */
public record AccessLogConfig(Records records, double openSample, Map<Field, Treatment> fields) {
    /** Nothing is written. */
    public static final AccessLogConfig OFF = new AccessLogConfig(Records.OFF, 1, Map.of());

    /** Of what records are written. */
    public enum Records {
        /** Of nothing. */
        OFF,
        /** Of tunnels: one when they open, one when they close. */
        TUNNELS,
        /** Of tunnels, and of every request that became none. */
        ALL
    }

    /** What becomes of a field. */
    public enum Treatment {
        /** It is written. */
        KEEP,
        /** It is left out. */
        DROP,
        /** Its value is replaced by {@code "redacted"}: that there was one is seen. */
        REDACT
    }

    /** Refuses a share outside 0 to 1. */
    public AccessLogConfig {
        if (!(openSample >= 0 && openSample <= 1)) {
            throw new IllegalArgumentException("accessLog.openSample: " + openSample + " (expected: 0 to 1)");
        }
        EnumMap<Field, Treatment> copy = new EnumMap<>(Field.class);
        copy.putAll(fields);
        fields = copy;
    }

    Treatment of(Field field) {
        return fields.getOrDefault(field, Treatment.KEEP);
    }
}

package dev.holdfast.dataplane;

import dev.holdfast.dataplane.accesslog.AccessLogConfig;
import dev.holdfast.dataplane.trace.TraceConfig;
import org.jspecify.annotations.Nullable;

/**
 * What is told of the traffic beside metrics.
 *
 * @param accessLog records on standard output
 * @param traces where spans are sent; null for nowhere
 */
public record ObserveConfig(
        AccessLogConfig accessLog, @Nullable TraceConfig traces) {
    /** Nothing. */
    public static final ObserveConfig NOTHING = new ObserveConfig(AccessLogConfig.OFF, null);
}

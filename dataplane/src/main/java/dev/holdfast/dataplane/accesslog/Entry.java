package dev.holdfast.dataplane.accesslog;

import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.dataplane.proxy.tunnel.TunnelInfo;

/** What happened, before anybody has put it into words. Each holds when, in ms since 1970. */
sealed interface Entry {
    /** A tunnel opened. */
    record Opened(long atMillis, TunnelInfo tunnel) implements Entry {}

    /** A tunnel closed. */
    record Closed(long atMillis, TunnelInfo tunnel, TunnelEnd end) implements Entry {}

    /** A request that became no tunnel was answered. */
    record Answered(long atMillis, RequestTrail trail, int status, long nanos) implements Entry {}
}

package dev.holdfast.dataplane;

import dev.holdfast.dataplane.accesslog.AccessLog;
import dev.holdfast.dataplane.accesslog.AccessLogConfig.Records;
import dev.holdfast.dataplane.proxy.ProxyServer;
import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import dev.holdfast.dataplane.trace.OtlpTraces;
import dev.holdfast.dataplane.trace.TraceConfig;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.util.ArrayList;
import java.util.List;

/** Those who hear of the traffic of one data plane, as configured. What is not asked for is not even loaded. */
final class Observers implements AutoCloseable {
    private final List<TunnelListener> tunnels;
    private final List<RequestListener> requests = new ArrayList<>();
    private final List<Runnable> ends = new ArrayList<>();

    Observers(ObserveConfig config, List<TunnelListener> listeners, MeterRegistry registry) {
        tunnels = new ArrayList<>(listeners);
        if (config.accessLog().records() != Records.OFF) {
            AccessLog log = AccessLog.start(config.accessLog(), new FileOutputStream(FileDescriptor.out), registry);
            tunnels.add(log);
            requests.add(log);
            ends.add(log::close);
        }
        TraceConfig to = config.traces();
        if (to != null) {
            Loader.traces(to, this, registry);
        }
    }

    /** A class of its own, so that nobody who does not ask for traces loads OpenTelemetry. */
    private static final class Loader {
        static void traces(TraceConfig to, Observers observers, MeterRegistry registry) {
            OtlpTraces traces = OtlpTraces.start(to, registry);
            observers.tunnels.add(traces);
            // First, so that records know the trace.
            observers.requests.addFirst(traces);
            observers.ends.add(traces::close);
        }
    }

    ProxyServer.Listeners listeners() {
        return new ProxyServer.Listeners(tunnels, requests);
    }

    /** Call it once nothing happens any more: what happened is still told. */
    @Override
    public void close() {
        ends.forEach(Runnable::run);
    }
}

package dev.holdfast.dataplane.trace;

import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.dataplane.proxy.tunnel.TunnelInfo;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Route;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapSetter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes a server span of every request, which ends with its answer: for a tunnel at the 101, not hours later. The end of
 * a tunnel is a short span in a trace of its own, linked to that of the handshake. Names follow OpenTelemetry's semantic
 * conventions for HTTP. Event loops only queue; what does not fit is dropped. Thread-safe.
 */
public final class OtlpTraces implements RequestListener, TunnelListener, AutoCloseable {
    private static final Duration EXPORT_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration GATHERED = Duration.ofSeconds(2);
    private static final int QUEUED_MAX = 4_096;
    private static final Set<String> METHODS =
            Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE");
    private static final W3CTraceContextPropagator PROPAGATOR = W3CTraceContextPropagator.getInstance();

    /** A request whose span goes on. */
    private record Ongoing(Span span, long startNanos) implements RequestTrail.Trace {
        @Override
        public String traceId() {
            return span.getSpanContext().getTraceId();
        }
    }

    /** What is kept for the life of a tunnel. */
    private record Ended(SpanContext handshake) implements RequestTrail.Trace {
        @Override
        public String traceId() {
            return handshake.getTraceId();
        }
    }

    private static final TextMapGetter<Fields> GETTER = new TextMapGetter<>() {
        @Override
        public Iterable<String> keys(Fields fields) {
            return PROPAGATOR.fields();
        }

        @Override
        public @Nullable String get(@Nullable Fields fields, String name) {
            List<String> values = fields == null ? List.of() : fields.values(name);
            // Two parents are none; tracestate is a list field (W3C Trace Context §3.2.2, §3.3.1).
            return values.isEmpty() || values.size() > 1 && name.equals("traceparent")
                    ? null
                    : String.join(",", values);
        }
    };

    private static final TextMapSetter<Fields> SETTER = (fields, name, value) -> {
        if (fields != null) {
            fields.set(name, value);
        }
    };

    private final SdkTracerProvider provider;
    private final Tracer tracer;

    private OtlpTraces(SdkTracerProvider provider) {
        this.provider = provider;
        this.tracer = provider.get("dev.holdfast.dataplane");
    }

    /** Begins to send. */
    public static OtlpTraces start(TraceConfig config, MeterRegistry registry) {
        URI endpoint = config.endpoint();
        String path = endpoint.getPath();
        String url = path == null || path.isEmpty() || path.equals("/")
                ? endpoint.resolve("/v1/traces").toString()
                : endpoint.toString();
        OtlpHttpSpanExporter exporter = OtlpHttpSpanExporter.builder()
                .setEndpoint(url)
                .setTimeout(EXPORT_TIMEOUT)
                .build();
        Attributes resource = Attributes.of(
                AttributeKey.stringKey("service.name"),
                "holdfast-dataplane",
                AttributeKey.stringKey("service.instance.id"),
                config.instance());
        return new OtlpTraces(SdkTracerProvider.builder()
                .setResource(Resource.create(resource))
                .setSampler(new LinkSampler(config.sample()))
                .addSpanProcessor(BatchSpanProcessor.builder(new CountingExporter(exporter, registry))
                        .setMaxQueueSize(QUEUED_MAX)
                        .setScheduleDelay(GATHERED)
                        .setExporterTimeout(EXPORT_TIMEOUT)
                        .build())
                .build());
    }

    @Override
    public void began(RequestTrail trail, Fields fields) {
        Context parent = PROPAGATOR.extract(Context.root(), fields, GETTER);
        RequestTrail.Head head = trail.head();
        long startNanos =
                TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()) - (System.nanoTime() - head.beganNanos());
        String method = METHODS.contains(head.method()) ? head.method() : "_OTHER";
        Route route = head.route();
        String pattern = route == null ? null : route.match().path().value();
        String verb = method.equals("_OTHER") ? "HTTP" : method;
        SpanBuilder builder = tracer.spanBuilder(pattern == null ? verb : verb + " " + pattern)
                .setParent(parent)
                .setSpanKind(SpanKind.SERVER)
                .setStartTimestamp(startNanos, TimeUnit.NANOSECONDS)
                .setAttribute("http.request.method", method)
                .setAttribute("url.scheme", head.scheme())
                .setAttribute("network.protocol.name", "http")
                .setAttribute("network.protocol.version", head.httpVersion())
                .setAttribute("dev.holdfast.request_id", head.client().requestId());
        set(builder, "url.path", head.path());
        set(builder, "server.address", head.host());
        if (route != null) {
            builder.setAttribute("http.route", route.match().path().value())
                    .setAttribute("dev.holdfast.namespace", route.owner().namespace())
                    .setAttribute("dev.holdfast.route", route.owner().name());
        }
        InetAddress client = head.client().address();
        set(builder, "client.address", client == null ? null : client.getHostAddress());
        InetSocketAddress peer = head.client().peer();
        if (peer != null) {
            builder.setAttribute("network.peer.address", peer.getAddress().getHostAddress())
                    .setAttribute("network.peer.port", peer.getPort());
        }
        Span span = builder.startSpan();
        trail.trace(new Ongoing(span, startNanos));
        PROPAGATOR.inject(Context.root().with(span), fields, SETTER);
    }

    private static void set(SpanBuilder builder, String name, @Nullable String value) {
        if (value != null) {
            builder.setAttribute(name, value);
        }
    }

    @Override
    public void answered(RequestTrail trail, int status, long nanos) {
        if (!(trail.trace() instanceof Ongoing ongoing)) {
            return;
        }
        Span span = ongoing.span();
        EndpointGroup.Endpoint backend = trail.backend();
        if (backend != null) {
            span.setAttribute("dev.holdfast.backend.address", backend.address())
                    .setAttribute("dev.holdfast.backend.port", backend.port());
        }
        if (status == RequestTrail.CLIENT_GONE) {
            span.setAttribute("error.type", "client_gone");
        } else {
            span.setAttribute("http.response.status_code", status);
        }
        if (status >= 500) {
            span.setStatus(StatusCode.ERROR).setAttribute("error.type", Integer.toString(status));
        }
        span.end(ongoing.startNanos() + nanos, TimeUnit.NANOSECONDS);
        trail.trace(new Ended(span.getSpanContext()));
    }

    @Override
    public void opened(TunnelInfo tunnel) {
        // The span of the handshake has ended with its 101.
    }

    @Override
    public void closed(TunnelInfo tunnel, TunnelEnd end) {
        RequestTrail trail = tunnel.trail();
        if (trail == null || !(trail.trace() instanceof Ended ended)) {
            return;
        }
        long now = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis());
        SpanBuilder builder = tracer.spanBuilder("tunnel close")
                .setNoParent()
                .addLink(ended.handshake())
                .setSpanKind(SpanKind.INTERNAL)
                .setStartTimestamp(now, TimeUnit.NANOSECONDS)
                .setAttribute("dev.holdfast.namespace", tunnel.route().owner().namespace())
                .setAttribute("dev.holdfast.route", tunnel.route().owner().name())
                .setAttribute("dev.holdfast.request_id", tunnel.client().requestId())
                .setAttribute("dev.holdfast.tunnel.id", tunnel.id())
                .setAttribute("dev.holdfast.tunnel.duration_ms", end.duration().toMillis())
                .setAttribute("dev.holdfast.tunnel.bytes_from_client", end.bytesFromClient())
                .setAttribute("dev.holdfast.tunnel.bytes_from_backend", end.bytesFromBackend())
                .setAttribute("dev.holdfast.tunnel.messages_from_client", end.messagesFromClient())
                .setAttribute("dev.holdfast.tunnel.messages_from_backend", end.messagesFromBackend())
                .setAttribute(
                        "dev.holdfast.tunnel.close.initiator", end.initiator().label())
                .setAttribute("dev.holdfast.tunnel.close.reason", end.reason().label());
        Integer code = end.closeCode();
        if (code != null) {
            builder.setAttribute("dev.holdfast.tunnel.close.code", (long) code);
        }
        builder.startSpan().end(now, TimeUnit.NANOSECONDS);
    }

    /** Sends what is queued, for some seconds at most, and ends. */
    @Override
    public void close() {
        provider.shutdown().join(EXPORT_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    }
}

package dev.holdfast.dataplane.trace;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;

/** Counts what an exporter could deliver. */
final class CountingExporter implements SpanExporter {
    private final SpanExporter exporter;
    private final Counter exported;
    private final Counter failed;

    CountingExporter(SpanExporter exporter, MeterRegistry registry) {
        this.exporter = exporter;
        this.exported = counter(registry, "exported");
        this.failed = counter(registry, "failed");
    }

    private static Counter counter(MeterRegistry registry, String outcome) {
        return Counter.builder("holdfast.trace.spans")
                .description("Spans that the collector took, or did not")
                .tag("outcome", outcome)
                .register(registry);
    }

    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
        int count = spans.size();
        CompletableResultCode result = exporter.export(spans);
        return result.whenComplete(() -> (result.isSuccess() ? exported : failed).increment(count));
    }

    @Override
    public CompletableResultCode flush() {
        return exporter.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
        return exporter.shutdown();
    }
}

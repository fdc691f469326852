package dev.holdfast.dataplane.trace;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.data.LinkData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.opentelemetry.sdk.trace.samplers.SamplingResult;
import java.util.List;

/** What is linked to a span shares its fate; everything else is decided by its parent, or by a share. */
final class LinkSampler implements Sampler {
    private final Sampler others;

    LinkSampler(double share) {
        this.others = Sampler.parentBased(Sampler.traceIdRatioBased(share));
    }

    @Override
    public SamplingResult shouldSample(
            Context parentContext,
            String traceId,
            String name,
            SpanKind spanKind,
            Attributes attributes,
            List<LinkData> parentLinks) {
        if (!parentLinks.isEmpty()) {
            boolean sampled = parentLinks.getFirst().getSpanContext().isSampled();
            return sampled ? SamplingResult.recordAndSample() : SamplingResult.drop();
        }
        return others.shouldSample(parentContext, traceId, name, spanKind, attributes, parentLinks);
    }

    @Override
    public String getDescription() {
        return "LinkSampler{" + others.getDescription() + "}";
    }
}

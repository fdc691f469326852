package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.status.StatusIntent;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.api.reconciler.ErrorStatusUpdateControl;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.HttpURLConnection;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** What both reconcilers ask: may I write, what should be there, how is it sent. */
record StatusContext(
        StatusFeed feed, BooleanSupplier leader, StatusConfig config, SentStatuses sent, MeterRegistry registry) {
    /**
     * What the owner should hear; empty when this replica does not write, and when what was compiled is not the object
     * and the generation at hand, since the next compile or the next event brings them together.
     */
    Optional<StatusIntent> due(ResourceRef ref, ObjectMeta meta) {
        if (!mayWrite(meta)) {
            return Optional.empty();
        }
        long generation = meta.getGeneration() == null ? 0 : meta.getGeneration();
        String uid = Objects.requireNonNullElse(meta.getUid(), "");
        return feed.intent(ref).filter(intent -> intent.uid().equals(uid) && intent.generation() == generation);
    }

    /** Whether this replica writes, and the object is there to stay. */
    boolean mayWrite(ObjectMeta meta) {
        return leader.getAsBoolean() && meta.getDeletionTimestamp() == null;
    }

    /**
     * The metadata of what is sent: server-side apply claims nothing but the name, a difference must equal the rest. The
     * uid claims nothing. For an Ingress that was made anew in the meantime the API server refuses it; of a custom
     * resource's status it looks at nothing else, so that what was on its way then is corrected by the next compile.
     */
    ObjectMeta patchMeta(ObjectMeta meta) {
        return switch (config.patch()) {
            case SERVER_SIDE_APPLY ->
                new ObjectMetaBuilder()
                        .withNamespace(meta.getNamespace())
                        .withName(meta.getName())
                        .withUid(meta.getUid())
                        .build();
            case JSON_PATCH -> new ObjectMetaBuilder(meta).build();
        };
    }

    /** What JOSDK does after a write failed: it tries again, except for an object that was deleted in the meantime. */
    static <P extends HasMetadata> ErrorStatusUpdateControl<P> failed(Exception problem) {
        boolean gone = problem instanceof KubernetesClientException answer
                && answer.getCode() == HttpURLConnection.HTTP_NOT_FOUND;
        return gone
                ? ErrorStatusUpdateControl.<P>noStatusUpdate().withNoRetry()
                : ErrorStatusUpdateControl.defaultErrorProcessing();
    }

    /** Whether {@code content} is to be sent now: not if it was sent on this version of the object already. */
    boolean isNew(ResourceRef ref, ObjectMeta meta, Object content) {
        boolean unsent = sent.note(ref, meta, content);
        if (unsent) {
            Counter.builder("holdfast.operator.status.writes")
                    .description("Status patches sent, by kind of object")
                    .tag("kind", ref.kind())
                    .register(registry)
                    .increment();
        }
        return unsent;
    }
}

package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.diagnostic.Severity;
import dev.holdfast.operator.status.IngressEvents;
import dev.holdfast.operator.status.IngressEvents.IngressEvent;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes Events for Ingresses whose diagnostics changed. What was told is remembered here and, by the names of the
 * Events, in the cluster: a new leader finds them there and tells nothing twice. Failing to tell is logged, and tried again.
 */
final class EventWriter {
    private static final Logger LOG = LoggerFactory.getLogger(EventWriter.class);
    private static final String COMPONENT = "holdfast-operator";
    private static final int EVENTS_MAX = 8;
    /** An API server keeps an Event for an hour, unless it is told otherwise. */
    private static final Duration REPEAT_AFTER = Duration.ofMinutes(45);

    private final KubernetesClient client;
    private final InstantSource time;
    private final Map<ResourceRef, Told> told = new ConcurrentHashMap<>();

    /** What an Ingress was told; one that was made anew, by another uid, has heard nothing yet. */
    private record Told(String uid, Map<Diagnostic, Instant> when) {}

    EventWriter(KubernetesClient client, InstantSource time) {
        this.client = client;
        this.time = time;
    }

    /**
     * Tells what is new since the last call for this Ingress, errors first and at most {@link #EVENTS_MAX} at a time; the
     * others have their turn as these are solved. What stands is told again before the cluster forgets it, what could not
     * be told is due at the next call.
     */
    void tell(ResourceRef ingress, @Nullable String uid, List<Diagnostic> diagnostics) {
        String id = Objects.requireNonNullElse(uid, "");
        Told last = told.get(ingress);
        Map<Diagnostic, Instant> before = last == null || !last.uid.equals(id) ? null : last.when;
        Map<Diagnostic, Instant> after = new HashMap<>();
        Instant now = time.instant();
        for (Diagnostic diagnostic : errorsFirst(diagnostics)) {
            Instant since = before == null ? null : before.get(diagnostic);
            if (since != null && now.isBefore(since.plus(REPEAT_AFTER))) {
                after.put(diagnostic, since);
            } else if (after.size() < EVENTS_MAX
                    && write(ingress, id, IngressEvents.problem(ingress.name(), id, diagnostic), before != null)) {
                after.put(diagnostic, now);
            }
        }
        if (diagnostics.isEmpty() && before != null && !before.isEmpty()) {
            write(ingress, id, IngressEvents.resolved(ingress.name(), id), true);
        }
        told.put(ingress, new Told(id, after));
    }

    private static List<Diagnostic> errorsFirst(List<Diagnostic> diagnostics) {
        return diagnostics.stream()
                .sorted(Comparator.comparing(diagnostic -> diagnostic.code().severity() != Severity.ERROR))
                .toList();
    }

    /** Forgets Ingresses that are gone. */
    void retain(Set<ResourceRef> known) {
        told.keySet().retainAll(known);
    }

    /** Whether it is told now, by this call or before. */
    private boolean write(ResourceRef ingress, String uid, IngressEvent event, boolean again) {
        try {
            client.v1()
                    .events()
                    .inNamespace(ingress.namespace())
                    .resource(event(ingress, uid, event))
                    .create();
            return true;
        } catch (KubernetesClientException e) {
            if (e.getCode() == HttpURLConnection.HTTP_CONFLICT) {
                return !again || repeat(ingress.namespace(), event.name());
            }
            LOG.warn("event not written subject=\"{}\" reason={}: {}", ingress, event.reason(), e.getMessage());
            return false;
        }
    }

    /** The same problem came back: the Event that told of it counts once more. */
    private boolean repeat(String namespace, String name) {
        try {
            client.v1()
                    .events()
                    .inNamespace(namespace)
                    .withName(name)
                    .edit(event -> new EventBuilder(event)
                            .withCount(event.getCount() == null ? 2 : event.getCount() + 1)
                            .withLastTimestamp(now())
                            .build());
            return true;
        } catch (KubernetesClientException e) {
            LOG.warn("event not repeated namespace={} name={}: {}", namespace, name, e.getMessage());
            return false;
        }
    }

    private Event event(ResourceRef ingress, String uid, IngressEvent event) {
        return new EventBuilder()
                .withNewMetadata()
                .withNamespace(ingress.namespace())
                .withName(event.name())
                .endMetadata()
                .withNewInvolvedObject()
                .withApiVersion("networking.k8s.io/v1")
                .withKind(ingress.kind())
                .withNamespace(ingress.namespace())
                .withName(ingress.name())
                .withUid(uid)
                .endInvolvedObject()
                .withType(event.type())
                .withReason(event.reason())
                .withMessage(event.message())
                .withCount(1)
                .withFirstTimestamp(now())
                .withLastTimestamp(now())
                .withNewSource()
                .withComponent(COMPONENT)
                .endSource()
                .withReportingComponent("holdfast.dev/operator")
                .withReportingInstance(COMPONENT)
                .build();
    }

    private String now() {
        return time.instant().truncatedTo(ChronoUnit.SECONDS).toString();
    }
}

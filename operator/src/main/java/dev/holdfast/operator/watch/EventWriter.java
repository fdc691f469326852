package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.status.IngressEvents;
import dev.holdfast.operator.status.IngressEvents.IngressEvent;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
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
 * Events, in the cluster: a new leader finds them there and tells nothing twice. Failing to tell is logged and forgiven.
 */
final class EventWriter {
    private static final Logger LOG = LoggerFactory.getLogger(EventWriter.class);
    private static final String COMPONENT = "holdfast-operator";

    private final KubernetesClient client;
    private final InstantSource time;
    private final Map<ResourceRef, Set<Diagnostic>> told = new ConcurrentHashMap<>();

    EventWriter(KubernetesClient client, InstantSource time) {
        this.client = client;
        this.time = time;
    }

    /** Tells what is new since the last call for this Ingress. */
    void tell(ResourceRef ingress, @Nullable String uid, List<Diagnostic> diagnostics) {
        Set<Diagnostic> now = Set.copyOf(diagnostics);
        Set<Diagnostic> before = told.get(ingress);
        if (now.equals(before)) {
            return;
        }
        String id = Objects.requireNonNullElse(uid, "");
        for (IngressEvent event :
                IngressEvents.between(ingress.name(), id, before == null ? Set.of() : before, diagnostics)) {
            write(ingress, id, event, before != null);
        }
        told.put(ingress, now);
    }

    /** Forgets Ingresses that are gone. */
    void retain(Set<ResourceRef> known) {
        told.keySet().retainAll(known);
    }

    private void write(ResourceRef ingress, String uid, IngressEvent event, boolean again) {
        try {
            client.v1()
                    .events()
                    .inNamespace(ingress.namespace())
                    .resource(event(ingress, uid, event))
                    .create();
        } catch (KubernetesClientException e) {
            if (e.getCode() == HttpURLConnection.HTTP_CONFLICT) {
                if (again) {
                    repeat(ingress.namespace(), event.name());
                }
            } else {
                LOG.warn("event not written subject=\"{}\" reason={}: {}", ingress, event.reason(), e.getMessage());
            }
        }
    }

    /** The same problem came back: the Event that told of it counts once more. */
    private void repeat(String namespace, String name) {
        try {
            client.v1()
                    .events()
                    .inNamespace(namespace)
                    .withName(name)
                    .edit(event -> new EventBuilder(event)
                            .withCount(event.getCount() == null ? 2 : event.getCount() + 1)
                            .withLastTimestamp(now())
                            .build());
        } catch (KubernetesClientException e) {
            LOG.warn("event not repeated namespace={} name={}: {}", namespace, name, e.getMessage());
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

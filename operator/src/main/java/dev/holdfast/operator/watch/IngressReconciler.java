package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.status.StatusIntent;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.IngressLoadBalancerIngress;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ErrorStatusUpdateControl;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import java.util.List;
import java.util.Optional;

/** Writes the addresses of an Ingress and tells its owner by Events, on the leader, when something changed. */
final class IngressReconciler implements Reconciler<Ingress> {
    static final String KIND = "Ingress";

    private final StatusContext status;
    private final EventSource<?, Ingress> kick;
    private final AddressSource addresses;
    private final EventWriter events;

    IngressReconciler(StatusContext status, EventSource<?, Ingress> kick, AddressSource addresses, EventWriter events) {
        this.status = status;
        this.kick = kick;
        this.addresses = addresses;
        this.events = events;
    }

    @Override
    public List<EventSource<?, Ingress>> prepareEventSources(EventSourceContext<Ingress> context) {
        return List.of(kick);
    }

    @Override
    public UpdateControl<Ingress> reconcile(Ingress ingress, Context<Ingress> context) {
        ObjectMeta meta = ingress.getMetadata();
        ResourceRef ref = ref(meta);
        StatusIntent intent = status.due(ref, meta).orElse(null);
        if (intent == null) {
            return UpdateControl.noUpdate();
        }
        events.tell(ref, meta.getUid(), intent.diagnostics());
        Optional<List<IngressLoadBalancerIngress>> wanted = addresses.current();
        if (wanted.isEmpty() || wanted.get().equals(addresses(ingress)) || !status.isNew(ref, meta, wanted.get())) {
            return UpdateControl.noUpdate();
        }
        Ingress update = new IngressBuilder()
                .withMetadata(status.patchMeta(meta))
                .withNewStatus()
                .withNewLoadBalancer()
                .withIngress(wanted.get())
                .endLoadBalancer()
                .endStatus()
                .build();
        return UpdateControl.patchStatus(update);
    }

    @Override
    public ErrorStatusUpdateControl<Ingress> updateErrorStatus(
            Ingress resource, Context<Ingress> context, Exception problem) {
        status.sent().forget(ref(resource.getMetadata()));
        return StatusContext.failed(problem);
    }

    private static ResourceRef ref(ObjectMeta meta) {
        return new ResourceRef(KIND, meta.getNamespace(), meta.getName());
    }

    private static List<IngressLoadBalancerIngress> addresses(Ingress ingress) {
        if (ingress.getStatus() == null || ingress.getStatus().getLoadBalancer() == null) {
            return List.of();
        }
        List<IngressLoadBalancerIngress> addresses =
                ingress.getStatus().getLoadBalancer().getIngress();
        return addresses == null ? List.of() : addresses;
    }
}

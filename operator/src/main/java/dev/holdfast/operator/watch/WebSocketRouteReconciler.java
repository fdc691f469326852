package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.status.RouteStatus;
import dev.holdfast.operator.status.StatusIntent;
import dev.holdfast.operator.status.StatusProjector;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ErrorStatusUpdateControl;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import java.time.InstantSource;
import java.util.List;

/** Writes the conditions of a WebSocketRoute, on the leader, when they are not those that it should have. */
final class WebSocketRouteReconciler implements Reconciler<RouteStatusResource> {
    static final String KIND = "WebSocketRoute";

    private final StatusContext status;
    private final EventSource<?, RouteStatusResource> kick;
    private final InstantSource time;

    WebSocketRouteReconciler(StatusContext status, EventSource<?, RouteStatusResource> kick, InstantSource time) {
        this.status = status;
        this.kick = kick;
        this.time = time;
    }

    @Override
    public List<EventSource<?, RouteStatusResource>> prepareEventSources(
            EventSourceContext<RouteStatusResource> context) {
        return List.of(kick);
    }

    @Override
    public UpdateControl<RouteStatusResource> reconcile(
            RouteStatusResource route, Context<RouteStatusResource> context) {
        ObjectMeta meta = route.getMetadata();
        ResourceRef ref = ref(meta);
        StatusIntent intent = status.due(ref, meta).orElse(null);
        RouteStatus before = route.statusOrNone();
        if (intent == null) {
            return release(ref, meta, before);
        }
        RouteStatus after = StatusProjector.project(before, intent, time.instant());
        if (after.equals(before) || !status.isNew(ref, meta, intent)) {
            return UpdateControl.noUpdate();
        }
        return patch(status.patchMeta(meta), after);
    }

    /** Takes back what was said of a route that is not ours any more. */
    private UpdateControl<RouteStatusResource> release(ResourceRef ref, ObjectMeta meta, RouteStatus before) {
        LeftRoutes left = status.feed().left();
        if (!left.isStale(ref, before) || !status.mayWrite(meta)) {
            return UpdateControl.noUpdate();
        }
        left.release(ref);
        RouteStatus after = StatusProjector.released(before, time.instant());
        if (!status.isNew(ref, meta, after)) {
            return UpdateControl.noUpdate();
        }
        ObjectMeta at = status.patchMeta(meta);
        // Not on top of what was not seen: the route may be somebody else's by now.
        at.setResourceVersion(meta.getResourceVersion());
        return patch(at, after);
    }

    private static UpdateControl<RouteStatusResource> patch(ObjectMeta meta, RouteStatus after) {
        RouteStatusResource update = new RouteStatusResource();
        update.setMetadata(meta);
        update.setStatus(after);
        return UpdateControl.patchStatus(update);
    }

    @Override
    public ErrorStatusUpdateControl<RouteStatusResource> updateErrorStatus(
            RouteStatusResource resource, Context<RouteStatusResource> context, Exception problem) {
        ResourceRef ref = ref(resource.getMetadata());
        status.sent().forget(ref);
        status.feed().left().retry(ref);
        return StatusContext.failed(problem);
    }

    private static ResourceRef ref(ObjectMeta meta) {
        return new ResourceRef(KIND, meta.getNamespace(), meta.getName());
    }
}

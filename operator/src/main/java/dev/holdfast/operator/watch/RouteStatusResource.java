package dev.holdfast.operator.watch;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import dev.holdfast.operator.status.RouteStatus;
import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/**
 * A WebSocketRoute of which only metadata and status are read: whatever stands in its spec, its owner can be told. Must
 * not share a client with the watch of whole WebSocketRoutes, since a client knows one class per kind.
 */
@Group("holdfast.dev")
@Version("v1alpha1")
@Kind("WebSocketRoute")
@Singular("websocketroute")
@Plural("websocketroutes")
@JsonIgnoreProperties(
        value = {"spec"},
        ignoreUnknown = true)
public final class RouteStatusResource extends CustomResource<Void, RouteStatus> implements Namespaced {
    private static final long serialVersionUID = 1L;

    @Override
    @SuppressWarnings("NullAway") // a record cannot be made empty; absent is what a new object has
    protected RouteStatus initStatus() {
        return null;
    }

    /** The status, or an empty one. */
    RouteStatus statusOrNone() {
        @Nullable RouteStatus status = getStatus();
        return status == null ? RouteStatus.NONE : status;
    }
}

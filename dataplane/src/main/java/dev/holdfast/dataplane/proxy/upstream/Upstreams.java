package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.RouteAction;
import org.jspecify.annotations.Nullable;

/** Chooses endpoints. */
public final class Upstreams implements ActiveRoutes.Participant {
    private final @Nullable String ownZone;

    /** Prefers endpoints meant for {@code ownZone}; null ignores zone hints. */
    public Upstreams(@Nullable String ownZone) {
        this.ownZone = ownZone;
    }

    /** Chooses an endpoint; thread-safe. */
    public Selection select(RouteAction.Forward forward, ClientKey client) {
        return new Selection.Unavailable("no endpoint in zone " + ownZone);
    }

    @Override
    public ActiveRoutes.Prepared prepare(ActiveTable next) {
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {}

            @Override
            public void discard() {}
        };
    }
}

package dev.holdfast.routetable;

/**
 * One match of one rule and what it does.
 *
 * @param id unique in the table and stable across compiles: {@code kind/namespace/name/rule/match@host}
 * @param owner the object whose traffic this is; metrics and logs name it
 * @param plaintext what happens to a request that arrives without TLS
 */
public record Route(String id, Owner owner, RouteMatch match, RouteAction action, Plaintext plaintext) {
    /** A Kubernetes object, by kind, namespace and name. */
    public record Owner(String kind, String namespace, String name) {
        /** Refuses text beyond its bound. */
        public Owner {
            Bounds.nonEmpty("owner.kind", kind, Bounds.NAME_CHARS_MAX);
            Bounds.nonEmpty("owner.namespace", namespace, Bounds.NAME_CHARS_MAX);
            Bounds.nonEmpty("owner.name", name, Bounds.NAME_CHARS_MAX);
        }
    }

    /** What happens to a request that arrives without TLS. */
    public enum Plaintext {
        /** It is served like any other. */
        SERVE,
        /**
         * It is answered 308 to the same URL under {@code https}. No WebSocket client follows a redirect, so an upgrade
         * is answered 403 and says which URL to use.
         */
        REDIRECT
    }

    /** Refuses an empty id. */
    public Route {
        Bounds.nonEmpty("route.id", id, Bounds.ID_CHARS_MAX);
    }
}

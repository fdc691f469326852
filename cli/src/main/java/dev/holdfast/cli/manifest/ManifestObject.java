package dev.holdfast.cli.manifest;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ClassView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;

/**
 * One object of a manifest.
 *
 * @param line where its document begins, from 1 and relative to the document until the file places it
 */
record ManifestObject(ResourceRef ref, int line, Content content) {
    /** What the object is. */
    sealed interface Content {
        /** An IngressClass. */
        record OfClass(ClassView view) implements Content {}

        /** An Ingress. */
        record OfIngress(IngressView view) implements Content {}

        /** A WebSocketRoute. */
        record OfRoute(WebSocketRouteView view) implements Content {}

        /** A Service. */
        record OfService(ServiceView view) implements Content {}

        /** An EndpointSlice. */
        record OfSlice(EndpointSliceView view) implements Content {}

        /** A Secret. */
        record OfSecret(SecretView view) implements Content {}

        /** A kind that is accepted and that nothing reads. */
        record Unread() implements Content {}

        /**
         * A kind that is not served.
         *
         * @param reason empty when it is simply another kind
         */
        record Skipped(String reason) implements Content {}
    }

    ManifestObject below(int lines) {
        return new ManifestObject(ref, line + lines, content);
    }
}

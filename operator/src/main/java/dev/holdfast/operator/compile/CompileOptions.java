package dev.holdfast.operator.compile;

/**
 * What an administrator decides for all objects.
 *
 * @param controllerValue IngressClasses with this {@code spec.controller} are ours
 * @param className a WebSocketRoute without class, where no IngressClass of ours is the default, and an Ingress with the
 *     old annotation {@code kubernetes.io/ingress.class}, belong to us by this name
 * @param allowExternalName whether Services of type ExternalName are served
 * @param loopbackEndpoints whether endpoints may be addresses of this machine
 */
public record CompileOptions(
        String controllerValue, String className, boolean allowExternalName, LoopbackEndpoints loopbackEndpoints) {
    /** The values that an installation has unless it says otherwise. */
    public static final CompileOptions DEFAULT =
            new CompileOptions("holdfast.dev/ingress-controller", "holdfast", false, LoopbackEndpoints.REFUSED);

    /** The values of local mode: the defaults, with endpoints on loopback. */
    public static final CompileOptions LOCAL =
            new CompileOptions("holdfast.dev/ingress-controller", "holdfast", false, LoopbackEndpoints.SERVED);

    /** Whether endpoints may be addresses of this machine. */
    public enum LoopbackEndpoints {
        /** In a cluster: such an address would reach the data plane's own pod, so it is refused. */
        REFUSED,
        /**
         * In local mode: loopback addresses are served, and a Service without an EndpointSlice may name them in the
         * annotation {@code holdfast.dev/local-endpoints}.
         */
        SERVED
    }
}

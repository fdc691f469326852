package dev.holdfast.operator.compile;

/**
 * What an administrator decides for all objects.
 *
 * @param controllerValue IngressClasses with this {@code spec.controller} are ours
 * @param className a WebSocketRoute without class, where no IngressClass of ours is the default, and an Ingress with the
 *     old annotation {@code kubernetes.io/ingress.class}, belong to us by this name
 * @param allowExternalName whether Services of type ExternalName are served
 */
public record CompileOptions(String controllerValue, String className, boolean allowExternalName) {
    /** The values that an installation has unless it says otherwise. */
    public static final CompileOptions DEFAULT =
            new CompileOptions("holdfast.dev/ingress-controller", "holdfast", false);
}

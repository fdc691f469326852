package dev.holdfast.operator;

import dev.holdfast.operator.compile.CompileOptions;
import picocli.CommandLine.Option;

/** Which objects are ours: of the operator, and of what judges manifests as it would. */
@SuppressWarnings("NullAway.Init")
public final class ClassFlags {
    @Option(
            names = "--class",
            defaultValue = "holdfast",
            paramLabel = "NAME",
            description = "The class that objects without an IngressClass may name. Default: ${DEFAULT-VALUE}.")
    private String className;

    @Option(
            names = "--controller-value",
            defaultValue = "holdfast.dev/ingress-controller",
            paramLabel = "VALUE",
            description = {
                "IngressClasses with this spec.controller are served. Default: ${DEFAULT-VALUE}.",
                "Of ingress-nginx: --class nginx --controller-value k8s.io/ingress-nginx."
            })
    private String controllerValue;

    /** The same options with these classes. */
    public CompileOptions applyTo(CompileOptions options) {
        return options(options.allowExternalName(), options.loopbackEndpoints());
    }

    CompileOptions options(boolean allowExternalName, CompileOptions.LoopbackEndpoints loopbackEndpoints) {
        return new CompileOptions(controllerValue, className, allowExternalName, loopbackEndpoints);
    }
}

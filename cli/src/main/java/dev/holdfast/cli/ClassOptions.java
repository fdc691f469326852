package dev.holdfast.cli;

import dev.holdfast.operator.compile.CompileOptions;
import picocli.CommandLine.Option;

/** Which objects are ours, as the operator's options of the same names say it. */
@SuppressWarnings("NullAway.Init")
final class ClassOptions {
    @Option(
            names = "--class",
            defaultValue = "holdfast",
            paramLabel = "NAME",
            description = "The class that objects without an IngressClass may name (default: ${DEFAULT-VALUE}).")
    private String className;

    @Option(
            names = "--controller-value",
            defaultValue = "holdfast.dev/ingress-controller",
            paramLabel = "VALUE",
            description = {
                "IngressClasses with this spec.controller are ours (default: ${DEFAULT-VALUE}).",
                "Of ingress-nginx: --class nginx --controller-value k8s.io/ingress-nginx."
            })
    private String controllerValue;

    CompileOptions applyTo(CompileOptions options) {
        return new CompileOptions(controllerValue, className, options.allowExternalName(), options.loopbackEndpoints());
    }
}

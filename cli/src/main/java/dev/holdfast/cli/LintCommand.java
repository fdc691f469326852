package dev.holdfast.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.cli.local.JsonPrintout;
import dev.holdfast.cli.local.LocalCertificates;
import dev.holdfast.cli.manifest.FileNotice;
import dev.holdfast.cli.manifest.LintSource;
import dev.holdfast.cli.manifest.LintSource.Reading;
import dev.holdfast.operator.ClassFlags;
import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.compile.RouteTableCompiler;
import dev.holdfast.operator.compile.translate.ClassSelector;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.diagnostic.Severity;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast lint}. */
@Command(
        name = "lint",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Compiles manifests once and prints what Holdfast would report about them.",
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:nothing is wrong",
            "1:an object has an error (with --strict: or a warning, or no object is of our class)",
            "2:an argument or a file cannot be read"
        })
@SuppressWarnings("NullAway.Init")
final class LintCommand implements Callable<Integer> {
    /** How findings are printed. */
    private enum Output {
        text,
        json
    }

    private static final int CLEAN = 0;
    private static final int FINDINGS = 1;
    private static final int UNREADABLE = 2;

    @Spec
    private CommandSpec spec;

    @Option(
            names = {"-f", "--filename"},
            required = true,
            paramLabel = "DIR",
            description = "A directory of manifests, subfolders too, or one manifest.")
    private Path directory;

    @Mixin
    private ClassFlags classes;

    @Option(names = "--strict", description = "Warnings count as errors, and so does having no object to look at.")
    private boolean strict;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            defaultValue = "text",
            description = "text, or json: one object per line, the last a summary (default: ${DEFAULT-VALUE}).")
    private Output output;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        Reading reading;
        try {
            reading = LintSource.read(directory, new LocalCertificates()::certificate);
        } catch (IOException e) {
            spec.commandLine().getErr().println("holdfast: " + e.getMessage());
            return UNREADABLE;
        }
        CompileResult result =
                new RouteTableCompiler().compile(reading.snapshot(), classes.applyTo(CompileOptions.LOCAL));
        boolean broken = reading.notices().stream().anyMatch(FileNotice.Broken.class::isInstance);
        long errors = result.count(Severity.ERROR);
        long warnings = result.count(Severity.WARNING)
                + reading.notices().stream()
                        .filter(FileNotice.Duplicate.class::isInstance)
                        .count();
        reading.notices().forEach(notice -> out.println(line(notice)));
        result.diagnostics().forEach(diagnostic -> out.println(line(diagnostic)));
        int objects = result.subjects().size();
        int routes = result.table().routeCount();
        Map<String, Integer> notOurs =
                notOurs(reading.snapshot(), result.subjects().keySet());
        if (output == Output.json) {
            notOurs.forEach((className, count) ->
                    out.println(event("notOurs").put("class", className).put("objects", count)));
            out.println(event("summary")
                    .put("objects", objects)
                    .put("routes", routes)
                    .put("errors", errors)
                    .put("warnings", warnings)
                    .put("unreadable", broken));
        } else {
            notOurs.forEach((className, count) -> out.println(
                    "note    objects of class \"%s\" are another controller's, not looked at: %d (--class, --controller-value)"
                            .formatted(className, count)));
            out.println("%d objects, %d routes: %d errors, %d warnings%s"
                    .formatted(objects, routes, errors, warnings, broken ? ", and files that cannot be read" : ""));
        }
        out.flush();
        boolean findings = errors > 0 || strict && (warnings > 0 || objects == 0);
        return broken ? UNREADABLE : findings ? FINDINGS : CLEAN;
    }

    private static ObjectNode event(String name) {
        return JsonNodeFactory.instance.objectNode().put("event", name);
    }

    private String line(Diagnostic diagnostic) {
        if (output == Output.json) {
            return JsonPrintout.diagnostic(event("problem"), diagnostic).toString();
        }
        boolean error = diagnostic.code().severity() == Severity.ERROR;
        return "%-7s %s %s: %s (%s, see docs/diagnostics.md)"
                .formatted(
                        error ? "error" : "warning",
                        diagnostic.subject(),
                        diagnostic.fieldPath(),
                        diagnostic.message(),
                        diagnostic.code().reason());
    }

    /**
     * How many objects are of other classes. They have no diagnostics: who lints them by mistake shall not read that they
     * are fine.
     */
    private static Map<String, Integer> notOurs(ClusterSnapshot snapshot, Set<ResourceRef> ours) {
        Map<String, Integer> byClass = new TreeMap<>();
        for (IngressView ingress : snapshot.ingresses()) {
            if (!ours.contains(ingress.meta().ref("Ingress"))) {
                byClass.merge(ClassSelector.classOf(ingress), 1, Integer::sum);
            }
        }
        for (WebSocketRouteView route : snapshot.webSocketRoutes()) {
            if (!ours.contains(route.meta().ref("WebSocketRoute"))) {
                byClass.merge(Objects.requireNonNullElse(route.className(), ""), 1, Integer::sum);
            }
        }
        return byClass;
    }

    private String line(FileNotice notice) {
        if (output == Output.json) {
            return JsonPrintout.notice(JsonNodeFactory.instance.objectNode(), notice)
                    .toString();
        }
        return switch (notice) {
            case FileNotice.Broken broken ->
                "error   " + broken.file() + ":" + broken.problem().line() + ": "
                        + broken.problem().reason();
            case FileNotice.Mended mended -> "note    " + mended.file() + " is in order again";
            case FileNotice.Skipped skipped ->
                "note    " + skipped.file() + ":" + skipped.line() + ": " + skipped.object() + " skipped"
                        + (skipped.reason().isEmpty() ? "" : ": " + skipped.reason());
            case FileNotice.Duplicate duplicate ->
                "warning " + duplicate.file() + ":" + duplicate.line() + ": " + duplicate.object()
                        + " is defined already; " + duplicate.inForce() + ":" + duplicate.inForceLine()
                        + " is in force (expected: one definition)";
        };
    }
}

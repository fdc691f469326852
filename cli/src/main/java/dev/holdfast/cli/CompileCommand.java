package dev.holdfast.cli;

import dev.holdfast.cli.local.LocalCertificates;
import dev.holdfast.cli.manifest.FileNotice;
import dev.holdfast.cli.manifest.LintSource;
import dev.holdfast.cli.manifest.LintSource.Reading;
import dev.holdfast.dataplane.sync.TableStore;
import dev.holdfast.operator.ClassFlags;
import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.compile.RouteTableCompiler;
import dev.holdfast.operator.diagnostic.Severity;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.wire.TableDigester;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast compile}. */
@Command(
        name = "compile",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Compiles manifests once and writes the route table into a state directory.",
            "`holdfast dataplane --state-dir` serves it from there when it starts, with or without an operator.",
            "Endpoints are those of EndpointSlices and of holdfast.dev/local-endpoints; the built-in echo",
            "backend runs in local mode alone.",
            ""
        },
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:the table is written",
            "1:an object has an error, nothing is written; `holdfast lint` says more",
            "2:an argument or a file cannot be read or written"
        })
@SuppressWarnings("NullAway.Init")
final class CompileCommand implements Callable<Integer> {
    private static final int WRITTEN = 0;
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

    @Option(
            names = "--state-dir",
            required = true,
            paramLabel = "DIR",
            description = "Where the table goes, with its keys; made if it is missing, its table is replaced.")
    private Path stateDirectory;

    @Override
    public Integer call() {
        try {
            Reading reading = LintSource.read(directory, new LocalCertificates()::certificate);
            CompileResult result =
                    new RouteTableCompiler().compile(reading.snapshot(), classes.applyTo(CompileOptions.LOCAL));
            boolean broken = reading.notices().stream().anyMatch(FileNotice.Broken.class::isInstance);
            long errors = result.count(Severity.ERROR);
            if (broken || errors > 0) {
                complain("-f: " + directory + " has errors (expected: none; `holdfast lint` names them)");
                return broken ? UNREADABLE : FINDINGS;
            }
            write(result.table());
            return WRITTEN;
        } catch (IOException e) {
            complain(String.valueOf(e.getMessage()));
            return UNREADABLE;
        }
    }

    private void write(RouteTable table) throws IOException {
        TableVersion version = new TableVersion(1, new TableDigester().digest(table));
        try {
            new TableStore(stateDirectory).save(version, table);
        } catch (IOException e) {
            throw new IOException(
                    "--state-dir: " + stateDirectory + " cannot be written (expected: a directory of ours): "
                            + e.getMessage(),
                    e);
        }
        var out = spec.commandLine().getOut();
        out.println("%d routes, version %s".formatted(table.routeCount(), version));
        out.flush();
    }

    private void complain(String text) {
        spec.commandLine().getErr().println("holdfast: " + text);
    }
}

package dev.holdfast.cli;

import dev.holdfast.dataplane.DataPlaneMain;
import dev.holdfast.operator.OperatorMain;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** Starts the command line. Exit status: 0 all is well, 1 errors were found, 2 arguments or files cannot be read. */
@Command(
        name = "holdfast",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = "A Kubernetes ingress controller for applications that live on WebSockets.",
        subcommands = {LocalCommand.class, LintCommand.class, CompileCommand.class, EchoCommand.class},
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast local                      serves deploy/examples on port 8080",
            "  holdfast local -f my-manifests      serves a directory, follows edits",
            "  holdfast local --to localhost:3000  serves one backend, ws and wss too",
            "  holdfast lint -f my-manifests       says what a cluster would report",
            "  holdfast compile -f my-manifests --state-dir state",
            "                                      writes what a data plane serves without an operator",
            "  holdfast echo --port 8080           runs the echo backend alone",
            "",
            "`holdfast COMMAND --help` describes a command."
        })
@SuppressWarnings("NullAway.Init")
public final class HoldfastMain implements Runnable {
    /** The commands that talk to a person: their log is for the exception, in plain lines on standard error. */
    private static final List<String> FOR_PEOPLE = List.of("local", "lint", "compile", "echo");

    @Spec
    private CommandSpec spec;

    private HoldfastMain() {}

    /** Runs a command and ends the process with its exit status. */
    public static void main(String[] args) {
        if (args.length > 0 && FOR_PEOPLE.contains(args[0])) {
            System.getProperties().putIfAbsent("log4j2.configurationFile", "dev/holdfast/cli/log4j2-people.xml");
        }
        if (args.length > 0 && args[0].equals("operator")) {
            System.getProperties().putIfAbsent("log4j2.configurationFile", "log4j2-operator.xml");
        }
        System.getProperties().putIfAbsent("java.util.logging.manager", "org.apache.logging.log4j.jul.LogManager");
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        System.setOut(out);
        System.exit(
                commandLine(new PrintWriter(out, true, StandardCharsets.UTF_8)).execute(args));
    }

    static CommandLine commandLine(PrintWriter out) {
        CommandLine line = new CommandLine(new HoldfastMain());
        line.addSubcommand("operator", new CommandLine(new OperatorMain()).setCaseInsensitiveEnumValuesAllowed(true));
        line.addSubcommand("dataplane", DataPlaneMain.commandLine());
        line.setOut(out);
        line.setParameterExceptionHandler((e, arguments) -> complain(e));
        return line;
    }

    /** The message comes last, and the whole usage only if no command was named: the lines at the prompt are read. */
    private static int complain(ParameterException e) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        if (command.getParent() == null && !(e instanceof UnmatchedArgumentException)) {
            command.usage(err);
        }
        err.println("holdfast: " + e.getMessage());
        if (!UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("Try `" + command.getCommandSpec().qualifiedName() + " --help`.");
        }
        err.flush();
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "COMMAND: missing (expected: one of the commands above)");
    }
}

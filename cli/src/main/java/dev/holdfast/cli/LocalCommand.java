package dev.holdfast.cli;

import dev.holdfast.cli.local.JsonPrintout;
import dev.holdfast.cli.local.LocalConfig;
import dev.holdfast.cli.local.LocalConfig.Origin;
import dev.holdfast.cli.local.LocalConfig.Ports;
import dev.holdfast.cli.local.LocalEvent;
import dev.holdfast.cli.local.LocalMode;
import dev.holdfast.cli.local.TextPrintout;
import dev.holdfast.cli.local.TextPrintout.Ink;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code holdfast local}. */
@Command(
        name = "local",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Serves manifests, or one backend, on this machine without a cluster.",
            "Without -f and --to it serves deploy/examples of the repository.",
            "",
            "A Service may name endpoints on this machine by the annotation",
            "holdfast.dev/local-endpoints, for example \"127.0.0.1:3000\" or \"builtin:echo\";",
            "a Secret without data gets a self-made certificate by the annotation",
            "holdfast.dev/local-certificate: \"true\".",
            ""
        })
@SuppressWarnings("NullAway.Init")
final class LocalCommand implements Callable<Integer> {
    private static final Duration DRAIN_MAX = Duration.ofHours(1);

    @Spec
    private CommandSpec spec;

    @Option(
            names = {"-f", "--filename"},
            paramLabel = "DIR",
            description = "A directory of manifests, subfolders too, or one manifest. Edits are served at once.")
    private @Nullable Path directory;

    @Option(names = "--to", paramLabel = "HOST:PORT", description = "Sends every request to this backend.")
    private @Nullable String to;

    @Option(
            names = "--http-port",
            paramLabel = "N",
            defaultValue = "8080",
            description = "Port of http; 0 takes any free one and prints it (default: ${DEFAULT-VALUE}).")
    private int httpPort;

    @Option(
            names = "--https-port",
            paramLabel = "N",
            defaultValue = "8443",
            description = "Port of https (default: ${DEFAULT-VALUE}).")
    private int httpsPort;

    @Option(
            names = "--admin-port",
            paramLabel = "N",
            defaultValue = "9900",
            description = "Port of /tables and /metrics (default: ${DEFAULT-VALUE}).")
    private int adminPort;

    @Option(
            names = "--drain",
            paramLabel = "SECONDS",
            defaultValue = "5",
            description = "On Ctrl-C, over how long open tunnels are told to go (default: ${DEFAULT-VALUE}).")
    private int drainSeconds;

    @Option(names = "--json", description = "Prints one JSON object per line.")
    private boolean json;

    @Option(names = "--warm-up", hidden = true, description = "Starts, serves one tunnel, ends: for the launcher.")
    private boolean warmUp;

    @Override
    public Integer call() throws InterruptedException {
        LocalConfig config = config();
        if (warmUp) {
            return WarmUp.run(new LocalConfig(config.origin(), Ports.ANY, Duration.ZERO));
        }
        LocalMode mode;
        try {
            mode = LocalMode.start(config, printout());
        } catch (IOException e) {
            spec.commandLine().getErr().println("holdfast: " + describe(e));
            return 2;
        }
        Ending ending = new Ending(mode);
        Signals.on("INT", ending::begin);
        Signals.on("TERM", ending::begin);
        return ending.await();
    }

    private Consumer<LocalEvent> printout() {
        PrintStream out = System.out;
        boolean colours =
                System.console() != null && System.console().isTerminal() && System.getenv("NO_COLOR") == null;
        return json ? new JsonPrintout(out) : new TextPrintout(out, colours ? Ink.COLOUR : Ink.PLAIN);
    }

    private LocalConfig config() {
        try {
            Duration drain = Duration.ofSeconds(drainSeconds);
            if (drain.isNegative() || drain.compareTo(DRAIN_MAX) > 0) {
                throw new IllegalArgumentException("--drain: " + drainSeconds + " (expected: 0 to 3600 seconds)");
            }
            return new LocalConfig(origin(), new Ports(httpPort, httpsPort, adminPort), drain);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private Origin origin() {
        if (to != null) {
            if (directory != null) {
                throw new IllegalArgumentException("-f, --to: both given (expected: one of them)");
            }
            return Origin.Backend.parse(to);
        }
        Path path = directory == null ? examples() : directory;
        if (!Files.exists(path)) {
            throw new IllegalArgumentException("-f: " + path + " does not exist (expected: a directory of manifests)");
        }
        return new Origin.Directory(path);
    }

    private static Path examples() {
        String home = System.getProperty("holdfast.home");
        if (home == null) {
            throw new IllegalArgumentException("-f, --to: none given (expected: one of them)");
        }
        return Path.of(home, "deploy", "examples");
    }

    private static String describe(IOException e) {
        String message = String.valueOf(e.getMessage()).replace(": /", ": ");
        boolean port = message.contains("cannot be bound") || message.contains("in use");
        return message
                + (port ? "; choose others with --http-port, --https-port, --admin-port (0 takes any free one)" : "");
    }
}

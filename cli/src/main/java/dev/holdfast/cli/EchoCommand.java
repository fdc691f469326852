package dev.holdfast.cli;

import dev.holdfast.cli.echo.EchoServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast echo}. */
@Command(
        name = "echo",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Runs the built-in echo backend alone, for a pod: deploy/examples uses it in a cluster.",
            "It echoes WebSocket messages, shows browsers a test page, and tells everyone else what it received.",
            ""
        },
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {"0:it was ended", "2:the port cannot be used"})
@SuppressWarnings("NullAway.Init")
final class EchoCommand implements Callable<Integer> {
    private static final int ENDED = 0;
    private static final int UNUSABLE = 2;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--port",
            defaultValue = "8080",
            paramLabel = "PORT",
            description = "Listens on this port of every address; 0 takes any free one (default: ${DEFAULT-VALUE}).")
    private int port;

    @Option(
            names = "--name",
            defaultValue = "${env:HOSTNAME:-echo}",
            paramLabel = "NAME",
            description = "What it calls itself (default: the pod's name).")
    private String name;

    private final CountDownLatch stop = new CountDownLatch(1);

    @Override
    public Integer call() throws InterruptedException {
        try (EchoServer server = new EchoServer()) {
            int bound = server.listen(name, new InetSocketAddress(port));
            spec.commandLine().getOut().println("echo backend " + name + " listens on port " + bound);
            Signals.on("TERM", stop::countDown);
            stop.await();
            return ENDED;
        } catch (IOException | IllegalArgumentException e) {
            spec.commandLine()
                    .getErr()
                    .println("holdfast: --port: " + port + " (expected: a free port, 0 to 65535): " + e.getMessage());
            return UNUSABLE;
        }
    }

    /** Ends {@link #call()} from another thread. */
    void end() {
        stop.countDown();
    }
}

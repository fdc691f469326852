package dev.holdfast.dataplane;

import dev.holdfast.dataplane.log.JsonLogProvider;
import dev.holdfast.dataplane.log.JulToSlf4j;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.proxy.forwarded.Cidr;
import dev.holdfast.dataplane.sync.OperatorAccess;
import dev.holdfast.dataplane.sync.SyncConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The process of a data plane: options to configuration, signals to drains. Exit status: 0 after a drain, 1 if it could
 * not start, 2 for options that are not valid.
 */
@Command(
        name = "dataplane",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Serves traffic by the route tables of an operator.")
@SuppressWarnings("NullAway.Init")
public final class DataPlaneMain implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(DataPlaneMain.class);

    /** Options by the fields of the configuration that they are called differently from. */
    private static final Map<String, String> OPTIONS = Map.ofEntries(
            Map.entry("accessLog.field", "--access-log-field"),
            Map.entry("accessLog.openSample", "--access-log-open-sample"),
            Map.entry("drain.acceptGrace", "--accept-grace"),
            Map.entry("drain.window", "--drain-window"),
            Map.entry("overload.connectionsMax", "--connections-max"),
            Map.entry("overload.directMemoryBytesMax", "--direct-memory-max"),
            Map.entry("overload.tunnelsMax", "--tunnels-max"),
            Map.entry("proxy.eventLoops", "--threads"),
            Map.entry("proxy.redirectPort", "--https-redirect-port"),
            Map.entry("silentPeerTimeout", "--silent-peer-timeout"));

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--operator",
            required = true,
            split = ",",
            paramLabel = "URL",
            description = {
                "Where tables come from: https://NAME:PORT, where every address of the name is a replica of the operator,",
                "or http://127.0.0.1:PORT on the same machine."
            })
    private List<URI> operator;

    @Option(
            names = "--operator-ca",
            paramLabel = "FILE",
            description =
                    "With https: the CAs that the operator's certificate may be from; read again when it changes.")
    private @Nullable Path operatorCa;

    @Option(
            names = "--operator-token",
            paramLabel = "FILE",
            description = "With https: the projected token of this pod's ServiceAccount; read again when it changes.")
    private @Nullable Path operatorToken;

    @Option(
            names = "--name",
            defaultValue = "${env:POD_NAME}",
            paramLabel = "NAME",
            description = "How operator and users know this process (default: $POD_NAME, else the host's name).")
    private @Nullable String name;

    @Option(
            names = "--http",
            defaultValue = "0.0.0.0:8080",
            paramLabel = "HOST:PORT",
            description = "Plain listener; port 0 takes any free one (default: ${DEFAULT-VALUE}).")
    private InetSocketAddress http;

    @Option(
            names = "--https",
            defaultValue = "0.0.0.0:8443",
            paramLabel = "HOST:PORT",
            description = "TLS listener (default: ${DEFAULT-VALUE}).")
    private InetSocketAddress https;

    @Option(
            names = "--https-redirect-port",
            defaultValue = "443",
            paramLabel = "PORT",
            description =
                    "The port of https URLs as clients know it; 0 takes the listener's (default: ${DEFAULT-VALUE}).")
    private int redirectPort;

    @Option(
            names = "--admin",
            defaultValue = "127.0.0.1:9900",
            paramLabel = "HOST:PORT",
            description = "Health, metrics and table dump; in a pod 0.0.0.0:9900 (default: ${DEFAULT-VALUE}).")
    private InetSocketAddress admin;

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            description = "Keeps the last table, with its keys, here; a volume in memory (default: not kept).")
    private @Nullable Path stateDirectory;

    @Option(names = "--zone", paramLabel = "ZONE", description = "The zone this process runs in.")
    private @Nullable String zone;

    @Option(
            names = "--trusted-proxy",
            paramLabel = "CIDR",
            split = ",",
            description = "Peers whose forwarding headers are believed (default: none).")
    private List<Cidr> trustedProxies = List.of();

    @Option(
            names = "--proxy-protocol-from",
            paramLabel = "CIDR",
            split = ",",
            description = {
                "Load balancers that begin each connection with a PROXY header (version 1 or 2), which names the client",
                "(default: none)."
            })
    private List<Cidr> proxyProtocolFrom = List.of();

    @Option(
            names = "--accept-grace",
            defaultValue = "PT5S",
            paramLabel = "DURATION",
            description = {
                "After SIGTERM, how long new connections are still served (default: ${DEFAULT-VALUE}); longer while they still",
                "come, by half of the drain window and a minute at most. PT0S waits for nobody."
            })
    private Duration acceptGrace;

    @Option(
            names = "--drain-window",
            defaultValue = "PT30S",
            paramLabel = "DURATION",
            description = {
                "Over how long the close frames of open tunnels are spread (default: ${DEFAULT-VALUE}), less what new",
                "connections took of it."
            })
    private Duration drainWindow;

    @Mixin
    private LimitOptions limits;

    @Mixin
    private ObserveOptions observe;

    @Option(
            names = "--threads",
            defaultValue = "0",
            paramLabel = "N",
            description = "Threads that serve traffic (default: one per core).")
    private int threads;

    /** The command line of this process, ready to execute. */
    public static CommandLine commandLine() {
        return new CommandLine(new DataPlaneMain())
                .setParameterExceptionHandler((e, arguments) -> complain(e))
                .registerConverter(InetSocketAddress.class, new AddressConverter())
                .registerConverter(Cidr.class, DataPlaneMain::cidr);
    }

    /** Runs a data plane until a signal ends it. */
    public static void main(String[] args) {
        if (JsonLogProvider.isChosen()) {
            System.getProperties().putIfAbsent("java.util.logging.config.class", JulToSlf4j.class.getName());
        } else {
            System.getProperties().putIfAbsent("java.util.logging.manager", "org.apache.logging.log4j.jul.LogManager");
        }
        System.exit(commandLine().execute(args));
    }

    @Override
    public Integer call() throws InterruptedException {
        DataPlaneConfig config = config();
        LOG.info("configuration namespace={} {}", System.getenv("POD_NAMESPACE"), config);
        try {
            DataPlane dataPlane = new DataPlane(config, List.of());
            dataPlane.start();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> drainAndHalt(dataPlane), "drain"));
            // What the start left behind is given back once, instead of being kept resident for life.
            System.gc();
        } catch (IOException e) {
            LOG.error("data plane not started because=\"{}\"", e.getMessage());
            return 1;
        }
        // The signal's hook ends the process.
        new CountDownLatch(1).await();
        return 0;
    }

    /** A JVM that ends by a signal ends with that signal's status, which says that something went wrong: nothing has. */
    private static void drainAndHalt(DataPlane dataPlane) {
        int status = 1;
        try {
            dataPlane.shutdown();
            status = 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.error("drain failed", e);
        } finally {
            Runtime.getRuntime().halt(status);
        }
    }

    DataPlaneConfig config() {
        try {
            ProxyConfig proxy = limits.applyTo(ProxyConfig.of(http, https))
                    .withRedirectPort(redirectPort)
                    .withZone(zone)
                    .withTrustedProxies(trustedProxies)
                    .withProxyProtocolFrom(proxyProtocolFrom);
            String ownName = name == null || name.isEmpty() ? hostName() : name;
            return new DataPlaneConfig(
                    ownName,
                    SyncConfig.of(new OperatorAccess(operator, operatorCa, operatorToken), stateDirectory),
                    admin,
                    threads == 0 ? proxy : proxy.withEventLoops(threads),
                    new DrainConfig(acceptGrace, drainWindow),
                    observe.config(ownName));
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), asTyped(String.valueOf(e.getMessage())), e);
        }
    }

    /** The message with the option's name instead of the field's that it begins with. */
    private String asTyped(String message) {
        int colon = Math.max(0, message.indexOf(':'));
        String field = message.substring(0, colon);
        String option = OPTIONS.getOrDefault(field, "--" + field);
        return spec.optionsMap().containsKey(option) ? option + message.substring(colon) : message;
    }

    /** The message comes last, without the usage: the lines at the prompt are read. */
    private static int complain(ParameterException e) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        String name = command.getCommandSpec().qualifiedName();
        err.println(name + ": " + e.getMessage());
        if (!UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("Try `" + name + " --help`.");
        }
        err.flush();
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "--name: not given, and the host has no name (expected: one of both)", e);
        }
    }

    private static Cidr cidr(String text) {
        try {
            return Cidr.parse(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(String.valueOf(e.getMessage()));
        }
    }

    /** Reads {@code HOST:PORT}; the host is an address, so that nothing is looked up. */
    private static final class AddressConverter implements ITypeConverter<InetSocketAddress> {
        @Override
        public InetSocketAddress convert(String text) {
            int colon = text.lastIndexOf(':');
            try {
                String host = text.substring(0, Math.max(colon, 0));
                boolean bracketed = host.startsWith("[") && host.endsWith("]");
                InetAddress address = InetAddress.ofLiteral(bracketed ? host.substring(1, host.length() - 1) : host);
                return new InetSocketAddress(address, Integer.parseInt(text.substring(colon + 1)));
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(
                        "\"" + text + "\" (expected: an IP address and a port, 127.0.0.1:8080 or [::1]:8080)");
            }
        }
    }
}

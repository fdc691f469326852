package dev.holdfast.operator;

import dev.holdfast.operator.channel.ChannelConfig;
import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.watch.LeaderConfig;
import dev.holdfast.operator.watch.StatusConfig;
import dev.holdfast.operator.watch.TolerantClients;
import dev.holdfast.operator.watch.WatchConfig;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The operator process. Also the subcommand {@code operator} of the command line. */
@Command(
        name = "operator",
        mixinStandardHelpOptions = true,
        description = {
            "Watches a cluster, compiles its route table, serves it to data planes and writes status.",
            "In a cluster it finds the API server by its ServiceAccount, elsewhere by the kubeconfig."
        })
public final class OperatorMain implements Callable<Integer> {
    private static final String LOG_CONFIG = "log4j2.configurationFile";

    /**
     * A watch ends every few minutes, and what is edited until the next one opens is served that much later. While watches
     * or lists fail it doubles, five times.
     */
    private static final int RECONNECT_MILLIS = 100;

    private static final int PORT_MAX = 65_535;
    private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?");

    /** Options by the fields of the configuration that they are called differently from. */
    private static final Map<String, String> OPTIONS = Map.of(
            "leader-election.lease", "--leader-election-lease-seconds",
            "stream.listen", "--stream-address");

    @Option(
            names = "--kubeconfig",
            paramLabel = "FILE",
            description = "The kubeconfig to use. Default: $KUBECONFIG, then ~/.kube/config, then the ServiceAccount.")
    private @Nullable Path kubeconfig;

    @Option(
            names = "--namespaces",
            split = ",",
            paramLabel = "NAME",
            description = "Namespaces to watch, at most 32. Default: all.")
    private List<String> namespaces = List.of();

    @Mixin
    private ClassFlags classes = new ClassFlags();

    @Option(names = "--allow-external-name", description = "Serve Services of type ExternalName.")
    private boolean allowExternalName;

    @Option(
            names = "--loopback-endpoints",
            description = {
                "Serve backends on loopback addresses: for a data plane on the same machine, in development.",
                "An API server takes none in an EndpointSlice; a Service of type ExternalName may name localhost.",
                "In a cluster they would lead every tenant to the data plane's own pod."
            })
    private boolean loopbackEndpoints;

    @Option(
            names = "--admin-address",
            defaultValue = "0.0.0.0",
            paramLabel = "ADDRESS",
            description = "Address of /healthz, /readyz and /metrics. Default: ${DEFAULT-VALUE}.")
    private String adminAddress = "0.0.0.0";

    @Option(
            names = "--admin-port",
            defaultValue = "9902",
            paramLabel = "PORT",
            description = "Port of /healthz, /readyz and /metrics; 0 takes any free one. Default: ${DEFAULT-VALUE}.")
    private int adminPort;

    @Mixin
    private ChannelFlags channel = new ChannelFlags();

    @Mixin
    private StatusFlags status = new StatusFlags();

    @Spec
    private @Nullable CommandSpec spec;

    private final CountDownLatch stop = new CountDownLatch(1);
    private volatile @Nullable OperatorAdminServer admin;
    private volatile @Nullable ClusterOperator running;
    private volatile boolean ending;

    /** What the leader writes. */
    static final class StatusFlags {
        @Option(names = "--no-status", description = "Write no status and no Events.")
        private boolean noStatus;

        @Option(
                names = "--publish-service",
                paramLabel = "NAMESPACE/NAME",
                description = "Every Ingress shows the addresses of this Service.")
        private @Nullable String publishService;

        @Option(
                names = "--publish-status-address",
                split = ",",
                paramLabel = "ADDRESS",
                description = "Every Ingress shows these IP addresses and host names.")
        private List<String> publishAddresses = List.of();

        @Option(
                names = "--status-patch",
                defaultValue = "SERVER_SIDE_APPLY",
                description = "How status is sent: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
        private StatusConfig.Patch patch = StatusConfig.Patch.SERVER_SIDE_APPLY;

        @Option(
                names = "--leader-election",
                defaultValue = "true",
                arity = "1",
                paramLabel = "true|false",
                description = "Elect the replica that writes status. Default: ${DEFAULT-VALUE}.")
        private boolean leaderElection;

        @Option(
                names = "--leader-election-namespace",
                paramLabel = "NAME",
                description = "Where the Lease is. Default: the pod's namespace.")
        private @Nullable String leaderNamespace;

        @Option(
                names = "--leader-election-name",
                defaultValue = "holdfast-operator",
                paramLabel = "NAME",
                description = "The name of the Lease. Default: ${DEFAULT-VALUE}.")
        private String leaderName = "holdfast-operator";

        @Option(
                names = "--leader-election-lease-seconds",
                defaultValue = "10",
                paramLabel = "SECONDS",
                description = "How long a leader that is not heard of stays one. Default: ${DEFAULT-VALUE}.")
        private int leaseSeconds;

        @Nullable
        StatusConfig config() {
            if (noStatus) {
                return null;
            }
            StatusConfig defaults = StatusConfig.of(publishService, publishAddresses);
            return new StatusConfig(publishService, publishAddresses, patch, defaults.gather(), defaults.settle());
        }

        @Nullable
        LeaderConfig leader(String podNamespace, @Nullable ChannelConfig channel) {
            if (noStatus || !leaderElection) {
                return null;
            }
            String namespace = Objects.requireNonNullElse(leaderNamespace, podNamespace);
            String owner = channel != null && channel.authority().namespace().equals(namespace)
                    ? channel.authority().configMap()
                    : null;
            return new LeaderConfig(namespace, leaderName, identity(), Duration.ofSeconds(leaseSeconds), owner);
        }

        private static String identity() {
            String pod = System.getenv("HOSTNAME");
            try {
                String host = pod == null || pod.isEmpty()
                        ? InetAddress.getLocalHost().getHostName()
                        : pod;
                return host + "-" + ProcessHandle.current().pid();
            } catch (UnknownHostException e) {
                return "operator-" + ProcessHandle.current().pid();
            }
        }
    }

    /** Starts the process and ends with its exit status. */
    public static void main(String[] args) {
        // The data plane has a configuration of its own, and both may be on one class path.
        System.getProperties().putIfAbsent(LOG_CONFIG, "log4j2-operator.xml");
        System.getProperties().putIfAbsent("java.util.logging.manager", "org.apache.logging.log4j.jul.LogManager");
        System.exit(new CommandLine(new OperatorMain())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .execute(args));
    }

    /** Runs until {@link #stop()} or the end of the process. */
    @Override
    public Integer call() throws IOException, InterruptedException {
        Logger log = LoggerFactory.getLogger(OperatorMain.class);
        Config kubernetes = kubernetes();
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        Gauge.builder("holdfast.build.info", () -> 1)
                .description("Always 1; the labels say what runs")
                .tag("component", "operator")
                .tag(
                        "version",
                        Objects.requireNonNullElse(
                                OperatorMain.class.getPackage().getImplementationVersion(), "from sources"))
                .tag("java", Runtime.version().toString())
                .register(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        Thread hook = new Thread(this::end, "shutdown");
        try (JvmGcMetrics gc = new JvmGcMetrics();
                OperatorAdminServer server = new OperatorAdminServer(adminListen(), this::isReady, registry::scrape)) {
            gc.bindTo(registry);
            ClusterOperator operator =
                    new ClusterOperator(config(kubernetes), () -> TolerantClients.open(kubernetes), registry);
            running = operator;
            admin = server;
            Runtime.getRuntime().addShutdownHook(hook);
            server.start();
            log.info("operator starts api={} adminPort={}", kubernetes.getMasterUrl(), server.port());
            operator.start();
            stop.await();
        } finally {
            end();
            removeHook(hook);
            registry.close();
        }
        return 0;
    }

    /** Ends {@link #call()} from another thread. */
    public void stop() {
        stop.countDown();
    }

    /** The admin port once {@link #call()} bound it; 0 before. */
    int adminPortBound() {
        OperatorAdminServer server = admin;
        return server == null ? 0 : server.port();
    }

    /** What runs, once it does. */
    @Nullable
    ClusterOperator running() {
        return running;
    }

    /** What the options say. */
    ClusterOperator.Config config(Config kubernetes) {
        try {
            namespaces.forEach(OperatorMain::checkNamespace);
            CompileOptions compile = classes.options(
                    allowExternalName,
                    loopbackEndpoints
                            ? CompileOptions.LoopbackEndpoints.SERVED
                            : CompileOptions.LoopbackEndpoints.REFUSED);
            String namespace = kubernetes.getNamespace() == null ? "default" : kubernetes.getNamespace();
            ChannelConfig guarded = channel.config(namespace);
            return new ClusterOperator.Config(
                    channel.plain(OperatorConfig.of(compile, 0)),
                    WatchConfig.of(namespaces),
                    status.config(),
                    status.leader(namespace, guarded),
                    guarded);
        } catch (IllegalArgumentException e) {
            throw usage(String.valueOf(e.getMessage()));
        }
    }

    /** One that cannot exist would be watched in silence, for ever. */
    private static void checkNamespace(String name) {
        if (!NAMESPACE.matcher(name).matches()) {
            throw new IllegalArgumentException("--namespaces: \"" + name
                    + "\" (expected: names of namespaces, of lower case letters, digits and -)");
        }
    }

    /** Refuses what is no port. */
    static int port(String option, int port) {
        if (port < 0 || port > PORT_MAX) {
            throw new IllegalArgumentException(option + ": " + port + " (expected: 0 to " + PORT_MAX + ")");
        }
        return port;
    }

    private Config kubernetes() {
        Config config;
        Path file = kubeconfig;
        if (file == null) {
            config = new ConfigBuilder().build();
        } else if (Files.isReadable(file)) {
            config = Config.fromKubeconfig(file.toFile());
        } else {
            throw usage("--kubeconfig: " + file + " (expected: a file that can be read)");
        }
        config.setUserAgent("holdfast-operator");
        config.setWatchReconnectInterval(RECONNECT_MILLIS);
        return config;
    }

    private InetSocketAddress adminListen() {
        try {
            InetSocketAddress listen = new InetSocketAddress(adminAddress, port("--admin-port", adminPort));
            if (!listen.isUnresolved()) {
                return listen;
            }
        } catch (IllegalArgumentException e) {
            throw usage(String.valueOf(e.getMessage()));
        }
        throw usage("--admin-address: " + adminAddress + " (expected: an address of this machine)");
    }

    private ParameterException usage(String message) {
        CommandSpec known = spec;
        CommandLine line = known == null ? new CommandLine(this) : known.commandLine();
        return new ParameterException(line, asTyped(line.getCommandSpec(), message));
    }

    /** The message with the option's name instead of the field's that it begins with. */
    private static String asTyped(CommandSpec spec, String message) {
        int colon = Math.max(0, message.indexOf(':'));
        String field = message.substring(0, colon);
        String option = OPTIONS.getOrDefault(field, "--" + field);
        return spec.optionsMap().containsKey(option) ? option + message.substring(colon) : message;
    }

    private boolean isReady() {
        ClusterOperator operator = running;
        return !ending && operator != null && operator.isReady();
    }

    private synchronized void end() {
        ending = true;
        stop.countDown();
        ClusterOperator operator = running;
        if (operator != null) {
            running = null;
            operator.close();
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook runs, or has run.
        }
    }
}

package dev.holdfast.e2e.cluster;

import dev.holdfast.e2e.process.Command;
import dev.holdfast.e2e.process.Ports;
import io.fabric8.kubernetes.api.model.NodeAddress;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.LocalPortForward;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * The cluster that {@code e2e/cluster/run.sh} names. If it is of its own making, its programs and its network can be
 * tampered with; one that somebody else runs is left alone, and what would tamper is skipped.
 */
final class RealCluster {
    private static final Duration COMMAND_LIMIT = Duration.ofMinutes(5);
    private static @Nullable RealCluster instance;

    private final String kubeconfig = property("cluster.kubeconfig");
    private final @Nullable String script = System.getProperty("cluster.script");
    private final KubernetesClient client;
    private final Map<String, Integer> forwards = new HashMap<>();
    private final Map<String, LocalPortForward> podForwards = new HashMap<>();

    private RealCluster() {
        client = new KubernetesClientBuilder()
                .withConfig(Config.fromKubeconfig(new File(kubeconfig)))
                .build();
    }

    /** The one of this run. */
    static synchronized RealCluster get() {
        if (instance == null) {
            instance = new RealCluster();
        }
        return instance;
    }

    KubernetesClient client() {
        return client;
    }

    /** Whether it is of our own making. */
    boolean isOwn() {
        return script != null;
    }

    /** Skips the story, and says so, where the cluster is somebody else's. */
    void needsOwn() {
        if (!isOwn()) {
            System.out.println("skipped: this story touches programs of the cluster, and this one is not ours");
        }
        Assumptions.assumeTrue(isOwn(), "the cluster is not ours");
    }

    String kubectl(String... words) {
        return Command.expect(COMMAND_LIMIT, environment(), words("kubectl", words));
    }

    /** The same for what may fail. */
    Command.Result tryKubectl(String... words) {
        return Command.run(COMMAND_LIMIT, environment(), words("kubectl", words));
    }

    String helm(String... words) {
        return Command.expect(COMMAND_LIMIT, environment(), words("helm", words));
    }

    /** The same for what may fail. */
    Command.Result tryHelm(String... words) {
        return Command.run(COMMAND_LIMIT, environment(), words("helm", words));
    }

    /** Applies a text of objects by kubectl. */
    void apply(String namespace, String yaml) {
        try {
            Path file = Files.createTempFile("objects", ".yaml");
            try {
                Files.writeString(file, yaml);
                kubectl("apply", "-n", namespace, "-f", file.toString());
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** STOP, CONT or KILL for kube-apiserver, kubelet-1 and so on. */
    void signal(String program, String signal) {
        script("signal", program, signal);
    }

    /** Starts a program that was killed. */
    void start(String program) {
        script("start", program);
    }

    /** Runs a command of this machine in the network of the first node. */
    String inNetwork(String... words) {
        return script(Stream.concat(Stream.of("exec"), Arrays.stream(words)).toArray(String[]::new));
    }

    /** Waits until the API server answers. */
    void awaitApi() {
        long deadline = System.nanoTime() + Duration.ofSeconds(90).toNanos();
        while (tryKubectl("get", "--raw", "/readyz", "--request-timeout=2s").status() != 0) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("the API server does not answer");
            }
        }
    }

    /** The pods that the EndpointSlices of a Service call ready. */
    Set<String> readyEndpoints(String namespace, String service) {
        return client
                .discovery()
                .v1()
                .endpointSlices()
                .inNamespace(namespace)
                .withLabel("kubernetes.io/service-name", service)
                .list()
                .getItems()
                .stream()
                .flatMap(slice -> slice.getEndpoints().stream())
                .filter(endpoint -> Boolean.TRUE.equals(endpoint.getConditions().getReady()))
                .map(endpoint -> endpoint.getTargetRef().getName())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** A port of loopback that leads to this node port, on the node of that number from 0 on. */
    int nodePort(int node, int port) {
        return nodePort(client.nodes().list().getItems().get(node).getMetadata().getName(), port);
    }

    /** The same on the node of that name. */
    int nodePort(String node, int port) {
        String address = client.nodes().withName(node).get().getStatus().getAddresses().stream()
                .filter(each -> each.getType().equals("InternalIP"))
                .map(NodeAddress::getAddress)
                .findFirst()
                .orElseThrow();
        return reach(address, port);
    }

    /** A port of loopback that leads to a pod's. */
    synchronized int podPort(Pod pod, int port) {
        if (isOwn()) {
            return reach(pod.getStatus().getPodIP(), port);
        }
        // Not kubectl's, which ends with the first connection that is reset.
        return podForwards
                .computeIfAbsent(
                        pod.getMetadata().getUid() + ":" + port,
                        target -> client.pods().resource(pod).portForward(port, InetAddress.getLoopbackAddress(), 0))
                .getLocalPort();
    }

    private synchronized int reach(String address, int port) {
        return forwards.computeIfAbsent(address + ":" + port, target -> {
            int local = Ports.free();
            if (script == null) {
                return Relay.start(address, port);
            }
            script("forward", "127.0.0.1:" + local, target);
            awaitListener(local);
            return local;
        });
    }

    private static void awaitListener(int port) {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (true) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                if (socket.isConnected()) {
                    return;
                }
            } catch (IOException e) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException("no forward at port " + port, e);
                }
            }
        }
    }

    /** Sends a signal to the program in a pod; only where the nodes are processes of this machine. */
    void signal(Pod pod, String signal) {
        List<String> processes = processes(pod);
        if (processes.isEmpty()) {
            throw new IllegalStateException("no process of " + pod.getMetadata().getName());
        }
        for (String process : processes) {
            Command.expect(COMMAND_LIMIT, Map.of(), List.of("kill", "-" + signal, process));
        }
    }

    /** Whether each program in a pod has this file of its image in memory; only where its node is this machine. */
    boolean isMapped(Pod pod, String file) {
        List<String> processes = processes(pod);
        boolean mapped = !processes.isEmpty();
        for (String process : processes) {
            mapped &= read(Path.of("/proc", process, "maps")).contains(file);
        }
        return mapped;
    }

    /** A file as the program in a pod sees it, empty if there is none; only where its node is this machine. */
    String fileOf(Pod pod, String file) {
        return processes(pod).stream()
                .findFirst()
                .map(process -> read(Path.of("/proc", process, "root" + file)))
                .orElse("");
    }

    private static List<String> processes(Pod pod) {
        String uid = "pod" + pod.getMetadata().getUid();
        List<String> found = new ArrayList<>();
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            all.filter(path -> path.getFileName().toString().matches("\\d+"))
                    .filter(path -> read(path.resolve("cgroup")).contains(uid))
                    .filter(path -> read(path.resolve("comm")).strip().equals("java"))
                    .forEach(path -> found.add(path.getFileName().toString()));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return found;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return ""; // ended meanwhile
        }
    }

    private String script(String... words) {
        if (script == null) {
            throw new IllegalStateException("the cluster is not ours");
        }
        return Command.expect(COMMAND_LIMIT, Map.of(), words(script, words));
    }

    private Map<String, String> environment() {
        return Map.of("KUBECONFIG", kubeconfig);
    }

    private static List<String> words(String program, String... words) {
        return Stream.concat(Stream.of(program), Arrays.stream(words)).toList();
    }

    /** How long operators stay away, and how long the API server stands still: {@code OUTAGE} of {@code run.sh}. */
    static Duration outage() {
        return Duration.ofSeconds(Integer.parseInt(property("cluster.outage")));
    }

    /** A path of the repository. */
    static String path(String path) {
        return Path.of(System.getProperty("holdfast.root", ".."))
                .toAbsolutePath()
                .normalize()
                .resolve(path)
                .toString();
    }

    private static String property(String name) {
        String value = System.getProperty(name);
        if (value == null) {
            throw new IllegalStateException(name + ": missing (expected: run stories by e2e/cluster/run.sh)");
        }
        return value;
    }
}

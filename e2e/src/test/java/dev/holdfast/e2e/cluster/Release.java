package dev.holdfast.e2e.cluster;

import dev.holdfast.e2e.process.Command;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** Holdfast in the cluster, by its chart, and the echo backends beside it. */
final class Release {
    static final String NAMESPACE = "holdfast-system";
    static final String NAME = "holdfast";
    /** Where the stories' own objects are; it takes restricted pods only. */
    static final String STORIES = "stories";

    static final int HTTP_NODE_PORT = 30080;
    static final int HTTPS_NODE_PORT = 30443;
    static final int HTTP = 8080;
    static final int HTTPS = 8443;
    static final int DATA_PLANE_ADMIN = 9900;
    static final int OPERATOR_ADMIN = 9902;
    static final int REPLICAS = 2;

    private static final String COMPONENT = "app.kubernetes.io/name";
    private static final Duration PATIENCE = Duration.ofMinutes(4);
    /** What a backend that is told to end has for it. */
    private static final int END_SECONDS = 2;

    private static boolean installed;
    private static double installSeconds;

    private final RealCluster cluster;

    private Release(RealCluster cluster) {
        this.cluster = cluster;
    }

    /** Installs what is missing, and waits until every pod serves and none ends. */
    static synchronized Release ready(RealCluster cluster) {
        Release release = new Release(cluster);
        if (!installed) {
            release.namespace(NAMESPACE);
            long began = System.nanoTime();
            release.install();
            installSeconds = (System.nanoTime() - began) / 1e9;
            release.namespace(STORIES);
            release.echo("echo", REPLICAS);
            installed = true;
        }
        release.awaitSettled();
        return release;
    }

    /** How long Helm took to install and wait, if it was for this process to do. */
    static synchronized double installSeconds() {
        return installSeconds;
    }

    /** Installs or upgrades to the stories' values, and waits as Helm does. */
    void install(String... settings) {
        cluster.helm(installation(settings));
    }

    /** The same for what may fail. */
    Command.Result tryInstall(String... settings) {
        return cluster.tryHelm(installation(settings));
    }

    private static String[] installation(String... settings) {
        String[] words = {
            "upgrade",
            "--install",
            NAME,
            RealCluster.path("charts/holdfast"),
            "--namespace",
            NAMESPACE,
            "--values",
            RealCluster.path("e2e/cluster/values.yaml"),
            "--wait",
            "--timeout",
            "240s"
        };
        String[] all = java.util.Arrays.copyOf(words, words.length + settings.length);
        System.arraycopy(settings, 0, all, words.length, settings.length);
        return all;
    }

    /** Makes a namespace that takes only pods of the restricted standard. */
    void namespace(String name) {
        cluster.client()
                .namespaces()
                .resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .addToLabels("pod-security.kubernetes.io/enforce", "restricted")
                        .endMetadata()
                        .build())
                .serverSideApply();
    }

    /** A Deployment of echo backends and its Service of the same name, port 80; returns when they run. */
    void echo(String name, int replicas) {
        echo(name, replicas, 0);
    }

    /** The same with backends that go on serving for so long after they are no longer ready, and end only then. */
    void echo(String name, int replicas, int lingerSeconds) {
        deployment(name, replicas, lingerSeconds);
        cluster.apply(STORIES, """
                apiVersion: v1
                kind: Service
                metadata: {name: %1$s}
                spec:
                  selector: {app: %1$s}
                  ports: [{name: http, port: 80, targetPort: http}]
                """.formatted(name));
        awaitRollout(STORIES, name);
    }

    /** Waits until the Deployment is as it should be. */
    void awaitRollout(String namespace, String name) {
        cluster.kubectl("-n", namespace, "rollout", "status", "deployment/" + name, "--timeout=200s");
    }

    /** The Deployment alone; its pods are labelled {@code app} with the name. */
    private void deployment(String name, int replicas, int lingerSeconds) {
        String lifecycle = lingerSeconds == 0 ? "{}" : "{preStop: {sleep: {seconds: " + lingerSeconds + "}}}";
        cluster.apply(STORIES, """
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: %1$s}
                spec:
                  replicas: %2$d
                  selector: {matchLabels: {app: %1$s}}
                  template:
                    metadata: {labels: {app: %1$s}}
                    spec:
                      automountServiceAccountToken: false
                      terminationGracePeriodSeconds: %4$d
                      # Not on the second node, which is drained: what a backend's end does to tunnels is another story.
                      nodeSelector: %3$s
                      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
                      containers:
                        - name: echo
                          image: holdfast.local/echo:1
                          imagePullPolicy: IfNotPresent
                          ports: [{name: http, containerPort: 8080}]
                          lifecycle: %5$s
                          # Without one it is the first to starve while pods start beside it, and tunnels wait for its answers.
                          resources: {requests: {cpu: 200m, memory: 32Mi}}
                          readinessProbe: {tcpSocket: {port: http}, periodSeconds: 1}
                          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
                """.formatted(
                name,
                replicas,
                "{kubernetes.io/hostname: "
                        + firstNode().getMetadata().getLabels().getOrDefault("kubernetes.io/hostname", "") + "}",
                lingerSeconds + END_SECONDS,
                lifecycle));
    }

    private Node firstNode() {
        return cluster.client().nodes().list().getItems().getFirst();
    }

    /** An Ingress from a host to the Service {@code backend}, without TLS. */
    String ingress(String name, String host, String backend) {
        return """
                apiVersion: networking.k8s.io/v1
                kind: Ingress
                metadata: {name: %s, namespace: %s}
                spec:
                  ingressClassName: holdfast
                  rules:
                    - host: %s
                      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {name: http}}}}]}
                """.formatted(name, STORIES, host, backend);
    }

    /** Applies an Ingress and waits until every data plane serves it. */
    void serve(String host, String backend) throws InterruptedException {
        cluster.apply(STORIES, ingress(host.replace('.', '-'), host, backend));
        for (Pod pod : dataPlanes()) {
            awaitStatus(cluster.podPort(pod, HTTP), host, 200, Duration.ofSeconds(60));
        }
    }

    /** Waits for an answer of this status. */
    static void awaitStatus(int port, String host, int status, Duration patience) throws InterruptedException {
        await(host + " answered " + status, patience, () -> Probe.once(port, host) == status);
    }

    /** The data planes that run and are not about to end, in the order of their names. */
    List<Pod> dataPlanes() {
        return pods("proxy");
    }

    /**
     * A data plane that is the only one of a node without backends, and not of the one that {@code nodePort(0, …)} is
     * reached by. Stories before may have made both data planes meet on one node: then one of them is made to move.
     */
    Pod aloneOnItsNode() {
        Pod first = dataPlanes().getFirst();
        String crowded = first.getSpec().getNodeName();
        if (outside(crowded).isEmpty()) {
            cluster.kubectl("cordon", crowded);
            try {
                cluster.kubectl(
                        "-n", NAMESPACE, "delete", "pod", first.getMetadata().getName());
                awaitSettled();
            } finally {
                cluster.kubectl("uncordon", crowded);
            }
        }
        return outside(firstNode().getMetadata().getName()).getFirst();
    }

    private List<Pod> outside(String node) {
        return dataPlanes().stream()
                .filter(pod -> !node.equals(pod.getSpec().getNodeName()))
                .toList();
    }

    /** How often these data planes received a whole table, altogether. */
    double fullTables(List<Pod> dataPlanes) {
        return sum(dataPlanes, "holdfast_config_updates_total", "kind=\"full\"");
    }

    /** How many table streams these data planes lost, or tried in vain to open, altogether. */
    double streamsLost(List<Pod> dataPlanes) {
        return sum(dataPlanes, "holdfast_config_stream_reconnects_total", "");
    }

    private double sum(List<Pod> dataPlanes, String name, String label) {
        return dataPlanes.stream()
                .mapToDouble(pod -> Metrics.sum(cluster.podPort(pod, DATA_PLANE_ADMIN), name, label))
                .sum();
    }

    /** The operators that run and are not about to end, in the order of their names. */
    List<Pod> operators() {
        return pods("operator");
    }

    private List<Pod> pods(String component) {
        return all(component).stream()
                .filter(pod -> pod.getMetadata().getDeletionTimestamp() == null)
                .sorted(Comparator.comparing(pod -> pod.getMetadata().getName()))
                .toList();
    }

    private List<Pod> all(String component) {
        return cluster.client()
                .pods()
                .inNamespace(NAMESPACE)
                .withLabels(Map.of(COMPONENT, "holdfast-" + component))
                .list()
                .getItems();
    }

    /** Waits until there are as many of both as the chart says, all ready, none ending. */
    void awaitSettled() {
        try {
            awaitSettled("operator");
            awaitSettled("proxy");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The same for one component, {@code operator} or {@code proxy}. */
    void awaitSettled(String component) throws InterruptedException {
        await(REPLICAS + " pods of " + component + " ready, none ending", PATIENCE, () -> {
            List<Pod> pods = all(component);
            return pods.size() == REPLICAS
                    && pods.stream().allMatch(pod -> pod.getMetadata().getDeletionTimestamp() == null && isReady(pod));
        });
    }

    /** Whether the kubelet calls it ready. */
    static boolean isReady(Pod pod) {
        return pod.getStatus().getConditions().stream()
                .anyMatch(condition -> condition.getType().equals("Ready")
                        && condition.getStatus().equals("True"));
    }

    /** The pod as it is now. */
    Pod now(Pod pod) {
        return cluster.client()
                .pods()
                .inNamespace(NAMESPACE)
                .withName(pod.getMetadata().getName())
                .get();
    }

    /** Waits for what takes its time, asking four times a second. */
    static void await(String what, Duration patience, BooleanSupplier is) throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (!is.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + patience.toSeconds() + " s: " + what);
            }
            Thread.sleep(250);
        }
    }
}

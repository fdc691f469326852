package dev.holdfast.e2e.cluster;

import dev.holdfast.e2e.process.Ports;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** kubectl's way from a port of loopback to one of a pod that this machine cannot reach; it ends with this process. */
final class PortForward {
    private final int local = Ports.free();
    private final Process kubectl;

    /** Starts it; {@link #isAlive} tells whether the pod is there still. */
    PortForward(Map<String, String> environment, Pod pod, int port) {
        ProcessBuilder builder = new ProcessBuilder(List.of(
                        "kubectl",
                        "port-forward",
                        "--namespace",
                        pod.getMetadata().getNamespace(),
                        "pod/" + pod.getMetadata().getName(),
                        local + ":" + port))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().putAll(environment);
        try {
            kubectl = builder.start();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        Runtime.getRuntime().addShutdownHook(new Thread(kubectl::destroy));
    }

    int local() {
        return local;
    }

    boolean isAlive() {
        return kubectl.isAlive();
    }
}

package dev.holdfast.operator.watch;

import dev.holdfast.operator.status.PublishedAddresses;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.networking.v1.IngressLoadBalancerIngress;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.net.HttpURLConnection;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which addresses every Ingress shows: a fixed list, or those of a Service that is followed. A Service that is not there
 * has none, and the log says so; while it cannot be read, the Ingresses keep what they show.
 */
final class AddressSource implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AddressSource.class);

    private final StatusConfig config;
    private final Runnable onChange;
    private final Complaint complaint = new Complaint();
    private @Nullable SharedIndexInformer<Service> informer;
    private volatile @Nullable List<IngressLoadBalancerIngress> addresses;
    private volatile boolean closed;

    /** Calls {@code onChange} when the addresses changed. */
    AddressSource(StatusConfig config, Runnable onChange) {
        this.config = config;
        this.onChange = onChange;
        if (config.publishService() == null && !config.publishAddresses().isEmpty()) {
            addresses = PublishedAddresses.of(config.publishAddresses());
        }
    }

    /** Follows the Service, if one is named. */
    void start(KubernetesClient client) {
        String service = config.publishService();
        if (service != null) {
            int slash = service.indexOf('/');
            informer = client.services()
                    .inNamespace(service.substring(0, slash))
                    .withName(service.substring(slash + 1))
                    .runnableInformer(0)
                    .exceptionHandler((started, problem) -> retry(problem))
                    .addEventHandler(new Follower());
            informer.start();
        }
    }

    /** The addresses; empty when the status of Ingresses is not ours to write, or not known yet. */
    Optional<List<IngressLoadBalancerIngress>> current() {
        return Optional.ofNullable(addresses);
    }

    @Override
    public void close() {
        closed = true;
        if (informer != null) {
            informer.stop();
        }
    }

    private boolean retry(Throwable problem) {
        int code = KindWatch.code(problem);
        if (closed || !complaint.isDue(code)) {
            return true;
        }
        String service = config.publishService();
        if (code == HttpURLConnection.HTTP_FORBIDDEN || code == HttpURLConnection.HTTP_UNAUTHORIZED) {
            LOG.error(
                    "--publish-service: cannot watch the Service {} status={}: grant the ServiceAccount list and watch for"
                            + " it; Ingresses keep the addresses that they show",
                    service,
                    code);
        } else {
            LOG.warn(
                    "--publish-service: cannot watch the Service {} yet, trying again: {}",
                    service,
                    problem.toString());
        }
        return true;
    }

    private void missing() {
        LOG.warn(
                "--publish-service: there is no Service {}, so no Ingress shows an address; create it, or name the one that"
                        + " data planes are reached by",
                config.publishService());
        take(null);
    }

    private void take(@Nullable Service service) {
        List<IngressLoadBalancerIngress> next = PublishedAddresses.of(service);
        if (!next.equals(addresses)) {
            addresses = next;
            onChange.run();
        }
    }

    private final class Follower implements ResourceEventHandler<Service> {
        @Override
        public void onList(String resourceVersion, boolean remainedEmpty) {
            if (remainedEmpty && addresses == null) {
                missing();
            }
        }

        @Override
        public void onAdd(Service service) {
            take(service);
        }

        @Override
        public void onUpdate(Service before, Service after) {
            take(after);
        }

        @Override
        public void onDelete(Service service, boolean deletedFinalStateUnknown) {
            missing();
        }
    }
}

package dev.holdfast.operator.watch;

import dev.holdfast.operator.status.PublishedAddresses;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.networking.v1.IngressLoadBalancerIngress;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which addresses every Ingress shows: a fixed list, or those of a Service that is followed. */
final class AddressSource implements AutoCloseable {
    private final StatusConfig config;
    private final Runnable onChange;
    private @Nullable SharedIndexInformer<Service> informer;
    private volatile @Nullable List<IngressLoadBalancerIngress> addresses;

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
                    .exceptionHandler((started, problem) -> true)
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
        if (informer != null) {
            informer.stop();
        }
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
        public void onAdd(Service service) {
            take(service);
        }

        @Override
        public void onUpdate(Service before, Service after) {
            take(after);
        }

        @Override
        public void onDelete(Service service, boolean deletedFinalStateUnknown) {
            take(null);
        }
    }
}

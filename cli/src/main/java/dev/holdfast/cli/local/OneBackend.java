package dev.holdfast.cli.local;

import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServicePort;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SliceEndpoint;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SlicePort;
import dev.holdfast.operator.snapshot.ObjectSource;
import io.fabric8.kubernetes.api.model.networking.v1.IngressSpec;
import io.fabric8.kubernetes.api.model.networking.v1.IngressSpecBuilder;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** The objects of {@code --to}: one Ingress that sends every request to one Service with one endpoint. Never changes. */
final class OneBackend implements ObjectSource {
    private static final String NAME = "local";

    private final ClusterSnapshot snapshot;

    /**
     * @throws UnknownHostException if the host has no address
     */
    OneBackend(LocalConfig.Origin.Backend backend) throws UnknownHostException {
        InetAddress address = InetAddress.getByName(backend.host());
        IngressSpec spec = new IngressSpecBuilder()
                .withIngressClassName("holdfast")
                .withNewDefaultBackend()
                .withNewService()
                .withName(NAME)
                .withNewPort()
                .withNumber(backend.port())
                .endPort()
                .endService()
                .endDefaultBackend()
                .build();
        Meta meta = new Meta("default", NAME, "", Instant.EPOCH, 1, Map.of());
        SliceEndpoint endpoint =
                new SliceEndpoint(List.of(address.getHostAddress()), true, true, false, null, List.of());
        String type = address instanceof Inet6Address ? "IPv6" : "IPv4";
        this.snapshot = new ClusterSnapshot(
                List.of(new ClusterSnapshot.ClassView("holdfast", "holdfast.dev/ingress-controller", false)),
                List.of(new IngressView(meta, spec)),
                List.of(),
                List.of(new ServiceView(
                        meta, "ClusterIP", null, List.of(), List.of(new ServicePort("", backend.port(), null)))),
                List.of(new EndpointSliceView(
                        meta, NAME, type, List.of(new SlicePort("", backend.port())), List.of(endpoint))),
                List.of());
    }

    @Override
    public void start(Runnable onChange) {}

    @Override
    public ClusterSnapshot snapshot() {
        return snapshot;
    }

    @Override
    public void close() {}
}

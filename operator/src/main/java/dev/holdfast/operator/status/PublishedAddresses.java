package dev.holdfast.operator.status;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceSpec;
import io.fabric8.kubernetes.api.model.networking.v1.IngressLoadBalancerIngress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressLoadBalancerIngressBuilder;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The addresses for {@code Ingress.status.loadBalancer}: sorted, none twice, so that comparing is enough. */
public final class PublishedAddresses {
    private static final int ADDRESSES_MAX = 64;

    private PublishedAddresses() {}

    /** IP addresses and host names as an administrator lists them. */
    public static List<IngressLoadBalancerIngress> of(List<String> addresses) {
        return new TreeSet<>(addresses)
                .stream()
                        .filter(address -> !address.isBlank() && !"None".equals(address))
                        .limit(ADDRESSES_MAX)
                        .map(address -> isIp(address)
                                ? new IngressLoadBalancerIngressBuilder()
                                        .withIp(address)
                                        .build()
                                : new IngressLoadBalancerIngressBuilder()
                                        .withHostname(address)
                                        .build())
                        .toList();
    }

    /**
     * Where a Service is reached from outside: what its load balancer says and its external addresses; of a Service
     * without either that needs no load balancer, its cluster addresses; the name of one of type ExternalName.
     */
    public static List<IngressLoadBalancerIngress> of(@Nullable Service service) {
        if (service == null || service.getSpec() == null) {
            return List.of();
        }
        ServiceSpec spec = service.getSpec();
        String type = Objects.requireNonNullElse(spec.getType(), "ClusterIP");
        if (type.equals("ExternalName")) {
            return spec.getExternalName() == null ? List.of() : of(List.of(spec.getExternalName()));
        }
        List<String> outside = Stream.concat(loadBalancer(service), stream(spec.getExternalIPs()))
                .toList();
        if (!outside.isEmpty() || type.equals("LoadBalancer")) {
            return of(outside);
        }
        List<String> inside = stream(spec.getClusterIPs()).toList();
        return of(inside.isEmpty() ? stream(spec.getClusterIP()).toList() : inside);
    }

    private static Stream<String> loadBalancer(Service service) {
        if (service.getStatus() == null || service.getStatus().getLoadBalancer() == null) {
            return Stream.empty();
        }
        return service.getStatus().getLoadBalancer().getIngress().stream()
                .flatMap(entry -> Stream.of(entry.getIp(), entry.getHostname()))
                .filter(Objects::nonNull);
    }

    private static Stream<String> stream(@Nullable List<String> values) {
        return values == null ? Stream.empty() : values.stream().filter(Objects::nonNull);
    }

    private static Stream<String> stream(@Nullable String value) {
        return Stream.ofNullable(value);
    }

    private static boolean isIp(String address) {
        return address.indexOf(':') >= 0 || address.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    }
}

package dev.holdfast.cli.manifest;

import dev.holdfast.cli.manifest.ManifestObject.Content;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ClassView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Puts the objects of all files together. Of two with the same name the first by path is in force. */
final class SnapshotAssembly {
    private final ManifestTree tree;
    private final LocalExtras extras;
    private final Consumer<FileNotice> notices;
    private Set<FileNotice> told = new HashSet<>();
    private Map<ServiceView, ServiceView> services = new HashMap<>();

    SnapshotAssembly(ManifestTree tree, LocalExtras extras, Consumer<FileNotice> notices) {
        this.tree = tree;
        this.extras = extras;
        this.notices = notices;
    }

    private record Place(Path file, int line) {}

    /** The objects in force. Tells what is skipped or defined twice, once as long as it stays so. */
    ClusterSnapshot assemble() {
        Map<ResourceRef, Place> places = new HashMap<>();
        List<Content> contents = new ArrayList<>();
        Set<FileNotice> now = new HashSet<>();
        tree.inForce().forEach((path, manifest) -> {
            Path file = tree.relative(path);
            for (ManifestObject object : manifest.objects()) {
                if (object.content() instanceof Content.Skipped skipped) {
                    tell(new FileNotice.Skipped(file, object.line(), object.ref(), skipped.reason()), now);
                    continue;
                }
                Place first = places.putIfAbsent(object.ref(), new Place(file, object.line()));
                if (first == null) {
                    contents.add(object.content());
                } else {
                    tell(new FileNotice.Duplicate(file, object.line(), object.ref(), first.file, first.line), now);
                }
            }
        });
        told = now;
        return snapshot(contents);
    }

    private void tell(FileNotice notice, Set<FileNotice> now) {
        now.add(notice);
        if (!told.contains(notice)) {
            notices.accept(notice);
        }
    }

    private ClusterSnapshot snapshot(List<Content> contents) {
        List<ClassView> classes = new ArrayList<>();
        List<IngressView> ingresses = new ArrayList<>();
        List<WebSocketRouteView> routes = new ArrayList<>();
        List<ServiceView> plainServices = new ArrayList<>();
        List<EndpointSliceView> slices = new ArrayList<>();
        List<SecretView> secrets = new ArrayList<>();
        for (Content content : contents) {
            switch (content) {
                case Content.OfClass object -> classes.add(object.view());
                case Content.OfIngress object -> ingresses.add(object.view());
                case Content.OfRoute object -> routes.add(object.view());
                case Content.OfService object -> plainServices.add(object.view());
                case Content.OfSlice object -> slices.add(object.view());
                case Content.OfSecret object -> secrets.add(object.view());
                case Content.Unread object -> {}
                case Content.Skipped object -> {}
            }
        }
        return new ClusterSnapshot(
                classes,
                ingresses,
                routes,
                withEcho(plainServices),
                slices,
                withCertificates(secrets, ingresses, routes));
    }

    private List<ServiceView> withEcho(List<ServiceView> plain) {
        Map<ServiceView, ServiceView> next = new HashMap<>();
        List<ServiceView> resolved = new ArrayList<>(plain.size());
        for (ServiceView service : plain) {
            String endpoints = service.meta().annotations().get(LocalExtras.ENDPOINTS_ANNOTATION);
            if (endpoints == null || !endpoints.contains(LocalExtras.ECHO)) {
                resolved.add(service);
                continue;
            }
            ServiceView known = services.get(service);
            ServiceView with = known != null ? known : withEcho(service, endpoints);
            next.put(service, with);
            resolved.add(with);
        }
        services = next;
        return resolved;
    }

    private ServiceView withEcho(ServiceView service, String endpoints) {
        String addresses = Arrays.stream(endpoints.split(","))
                .map(String::strip)
                .map(this::echoAddress)
                .collect(Collectors.joining(","));
        Meta meta = service.meta();
        Map<String, String> annotations = new HashMap<>(meta.annotations());
        annotations.put(LocalExtras.ENDPOINTS_ANNOTATION, addresses);
        return new ServiceView(
                new Meta(meta.namespace(), meta.name(), meta.uid(), meta.created(), meta.generation(), annotations),
                service.type(),
                service.externalName(),
                service.clusterIps(),
                service.ports());
    }

    /** What is no echo backend, or cannot be one, stays as it is: compile tells its author. */
    private String echoAddress(String endpoint) {
        if (!endpoint.equals(LocalExtras.ECHO) && !endpoint.startsWith(LocalExtras.ECHO + "/")) {
            return endpoint;
        }
        String name = endpoint.equals(LocalExtras.ECHO) ? "echo" : endpoint.substring(LocalExtras.ECHO.length() + 1);
        try {
            return "127.0.0.1:" + extras.echoPort(name);
        } catch (IllegalArgumentException e) {
            return endpoint;
        }
    }

    private List<SecretView> withCertificates(
            List<SecretView> secrets, List<IngressView> ingresses, List<WebSocketRouteView> routes) {
        if (secrets.stream().noneMatch(SnapshotAssembly::wantsCertificate)) {
            return secrets;
        }
        Map<ResourceRef, SortedSet<String>> hosts = new HashMap<>();
        ingresses.forEach(ingress -> hostsOf(ingress, hosts));
        routes.forEach(route -> hostsOf(route, hosts));
        return secrets.stream()
                .map(secret -> {
                    ResourceRef ref = secret.meta().ref("Secret");
                    return wantsCertificate(secret)
                            ? new SecretView(
                                    secret.meta(),
                                    secret.type(),
                                    extras.certificate(ref, hosts.getOrDefault(ref, new TreeSet<>())))
                            : secret;
                })
                .toList();
    }

    private static boolean wantsCertificate(SecretView secret) {
        return "true".equals(secret.meta().annotations().get(LocalExtras.CERTIFICATE_ANNOTATION))
                && secret.data().values().stream().allMatch(bytes -> bytes.length() == 0);
    }

    private static void hostsOf(IngressView ingress, Map<ResourceRef, SortedSet<String>> hosts) {
        if (ingress.spec().getTls() == null) {
            return;
        }
        ingress.spec().getTls().forEach(tls -> {
            if (tls != null && tls.getSecretName() != null && tls.getHosts() != null) {
                tls.getHosts().forEach(host -> add(ingress.meta(), tls.getSecretName(), host, hosts));
            }
        });
    }

    private static void hostsOf(WebSocketRouteView route, Map<ResourceRef, SortedSet<String>> hosts) {
        var spec = route.spec();
        if (spec != null
                && spec.getTls() != null
                && spec.getTls().getSecretName() != null
                && spec.getHostnames() != null) {
            spec.getHostnames().forEach(host -> add(route.meta(), spec.getTls().getSecretName(), host, hosts));
        }
    }

    private static void add(Meta owner, String secret, String host, Map<ResourceRef, SortedSet<String>> hosts) {
        if (host != null) {
            hosts.computeIfAbsent(new ResourceRef("Secret", owner.namespace(), secret), key -> new TreeSet<>())
                    .add(host);
        }
    }
}

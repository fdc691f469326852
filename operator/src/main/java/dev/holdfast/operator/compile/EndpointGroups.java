package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.CompileOptions.LoopbackEndpoints;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServicePort;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SliceEndpoint;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SlicePort;
import dev.holdfast.routetable.Bounds;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.EndpointGroup.State;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Resolves a port of a Service to the endpoints behind it, once per compile. */
final class EndpointGroups {
    /** On a Service without EndpointSlices, in local mode: where it listens, {@code 127.0.0.1:3000,127.0.0.1:3001}. */
    static final String LOCAL_ENDPOINTS = "holdfast.dev/local-endpoints";

    private final ClusterIndex cluster;
    private final LoopbackEndpoints loopback;
    private final Map<String, Resolved> known = new HashMap<>();

    /** The endpoints, and what is wrong with some of them. */
    record Resolved(EndpointGroup group, List<Issue> issues) {
        int ready() {
            return (int) group.endpoints().stream()
                    .filter(endpoint -> endpoint.state() == State.READY)
                    .count();
        }
    }

    EndpointGroups(ClusterIndex cluster, LoopbackEndpoints loopback) {
        this.cluster = cluster;
        this.loopback = loopback;
    }

    Resolved resolve(ServiceView service, ServicePort port) {
        String id = service.meta().namespace() + "/" + service.meta().name() + ":" + port.port();
        Resolved resolved = known.get(id);
        if (resolved == null) {
            resolved = new Reader(service, port).read(id);
            known.put(id, resolved);
        }
        return resolved;
    }

    /** An ExternalName Service: the data plane resolves the name. */
    Resolved external(ServiceView service, String name, int port) {
        String id = service.meta().namespace() + "/" + service.meta().name() + ":" + port;
        List<Issue> issues = new ArrayList<>();
        List<Endpoint> endpoints = new ArrayList<>();
        String plain = name.toLowerCase(Locale.ROOT).replaceFirst("\\.$", "");
        Optional<InetAddress> literal = Addresses.parse(plain);
        boolean local =
                literal.map(Addresses::isLoopback).orElse(plain.equals("localhost") || plain.endsWith(".localhost"));
        // 127.1 and 2130706433 are addresses to some.
        boolean looksLikeAddress = literal.isEmpty() && plain.matches("(.*\\.)?([0-9]+|0x[0-9a-f]*)");
        if (looksLikeAddress
                || literal.map(Addresses::isForbidden).orElse(false)
                || local && loopback == LoopbackEndpoints.REFUSED) {
            issues.add(
                    forbidden(name, "externalName of Service " + service.meta().name()));
        } else if (literal.isEmpty() && !isName(plain)) {
            issues.add(new Issue(
                    DiagnosticCode.ENDPOINT_IGNORED,
                    "externalName of Service " + service.meta().name()
                            + " is no DNS name (expected: a DNS name without port, with a letter in its last label)"));
        } else {
            endpoints.add(Endpoint.ready(plain, port));
        }
        return new Resolved(new EndpointGroup(id, endpoints), issues);
    }

    /** Whether a data plane takes it for a name, too. */
    private static boolean isName(String name) {
        return name.length() <= 253 && name.matches("[a-z0-9._-]*[a-z][a-z0-9_-]*");
    }

    private static Issue forbidden(String address, String where) {
        return new Issue(
                DiagnosticCode.REF_NOT_PERMITTED,
                "address " + address + " in " + where
                        + " is not permitted and left out (expected: the address of a pod; not"
                        + " loopback, link-local, multicast or unspecified)");
    }

    /** Reads the slices of one port of one Service. */
    private final class Reader {
        private final ServiceView service;
        private final ServicePort port;
        private final List<Issue> issues = new ArrayList<>();
        private final Map<String, Endpoint> ipv4 = new TreeMap<>();
        private final Map<String, Endpoint> ipv6 = new TreeMap<>();

        Reader(ServiceView service, ServicePort port) {
            this.service = service;
            this.port = port;
        }

        Resolved read(String id) {
            List<EndpointSliceView> slices = cluster.behind(service.meta().ref("Service")).slices;
            String local = service.meta().annotations().get(LOCAL_ENDPOINTS);
            if (local != null) {
                localEndpoints(local, slices.isEmpty());
            }
            slices.forEach(this::slice);
            List<Endpoint> endpoints = new ArrayList<>(primaryFamily());
            if (endpoints.size() > Bounds.ENDPOINTS_PER_GROUP_MAX) {
                issues.add(new Issue(
                        DiagnosticCode.LIMIT_EXCEEDED,
                        "Service " + service.meta().name() + " has " + endpoints.size()
                                + " endpoints (expected: at most " + Bounds.ENDPOINTS_PER_GROUP_MAX
                                + "); the others are left out"));
                endpoints = endpoints.subList(0, Bounds.ENDPOINTS_PER_GROUP_MAX);
            }
            return new Resolved(new EndpointGroup(id, endpoints), issues);
        }

        /** A dual-stack pod stands in a slice of each family and must count once: the Service's first family is taken. */
        private Collection<Endpoint> primaryFamily() {
            boolean prefersIpv6 = !service.clusterIps().isEmpty()
                    && service.clusterIps().getFirst().indexOf(':') >= 0;
            Map<String, Endpoint> primary = prefersIpv6 ? ipv6 : ipv4;
            Map<String, Endpoint> secondary = prefersIpv6 ? ipv4 : ipv6;
            return primary.isEmpty() ? secondary.values() : primary.values();
        }

        private void slice(EndpointSliceView slice) {
            String where = "EndpointSlice " + slice.meta().name();
            if (!slice.addressType().equals("IPv4") && !slice.addressType().equals("IPv6")) {
                issues.add(new Issue(
                        DiagnosticCode.ENDPOINT_IGNORED,
                        where + " has addressType " + slice.addressType()
                                + " and is left out (expected: IPv4 or IPv6)"));
                return;
            }
            for (SlicePort slicePort : slice.ports()) {
                if (slicePort.name().equals(port.name())) {
                    slice.endpoints().forEach(endpoint -> endpoint(slicePort.port(), endpoint, where));
                }
            }
        }

        /** Only the first address is read: EndpointSlice defines the others as equivalent. */
        private void endpoint(int number, SliceEndpoint endpoint, String where) {
            boolean draining = !endpoint.ready() && endpoint.serving() && endpoint.terminating();
            if (endpoint.addresses().isEmpty() || !endpoint.ready() && !draining) {
                return;
            }
            State state = endpoint.ready() ? State.READY : State.DRAINING;
            add(endpoint.addresses().getFirst(), number, state, endpoint, where);
        }

        private void add(String text, int number, State state, SliceEndpoint endpoint, String where) {
            Optional<InetAddress> address = Addresses.parse(text);
            if (address.isEmpty() || number < 1 || number > 65_535) {
                issues.add(new Issue(
                        DiagnosticCode.ENDPOINT_IGNORED,
                        where
                                + " has an endpoint that is no IP address and port, it is left out (expected: an address such as"
                                + " 10.0.0.7 and a port from 1 to 65535)"));
                return;
            }
            boolean loopbackRefused = loopback == LoopbackEndpoints.REFUSED && Addresses.isLoopback(address.get());
            if (loopbackRefused || Addresses.isForbidden(address.get()) && !Addresses.isLoopback(address.get())) {
                issues.add(forbidden(text, where));
                return;
            }
            List<String> zones = endpoint.forZones().stream()
                    .sorted()
                    .limit(Bounds.CONDITIONS_MAX)
                    .toList();
            Endpoint found = new Endpoint(text, number, state, endpoint.zone(), zones);
            // What a person lists in local mode is meant, whatever its family.
            boolean listed = endpoint.addresses().isEmpty();
            Map<String, Endpoint> family = text.indexOf(':') >= 0 && !listed ? ipv6 : ipv4;
            family.merge(text + " " + number, found, (one, other) -> one.state() == State.READY ? one : other);
        }

        private void localEndpoints(String value, boolean noSlices) {
            String where = "annotation " + LOCAL_ENDPOINTS + " of Service "
                    + service.meta().name();
            if (loopback == LoopbackEndpoints.REFUSED || !noSlices) {
                issues.add(new Issue(
                        DiagnosticCode.ANNOTATION_IGNORED,
                        where + " has no effect "
                                + (noSlices
                                        ? "in a cluster (expected: EndpointSlices, which Kubernetes writes for a Service with a selector)"
                                        : "beside EndpointSlices; remove one of the two")));
                return;
            }
            SliceEndpoint ready = new SliceEndpoint(List.of(), true, true, false, null, List.of());
            for (String part : value.split(",")) {
                String text = part.strip();
                int colon = text.lastIndexOf(':');
                String address = colon < 0 ? "" : text.substring(0, colon).replaceAll("^\\[|\\]$", "");
                String number = text.substring(colon + 1);
                if (number.matches("[0-9]{1,5}")) {
                    add(
                            address.equals("localhost") ? "127.0.0.1" : address,
                            Integer.parseInt(number),
                            State.READY,
                            ready,
                            where);
                } else {
                    add("", 0, State.READY, ready, where);
                }
            }
        }
    }
}

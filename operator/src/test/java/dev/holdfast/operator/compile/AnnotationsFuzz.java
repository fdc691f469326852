package dev.holdfast.operator.compile;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Annotations as lines {@code name: value}, on an Ingress and on a Service, compiled beside a healthy neighbour. A name
 * without a slash is one of ingress-nginx; one that begins with a slash is our own.
 */
public final class AnnotationsFuzz {
    private static final List<JsonNode> OBJECTS = Manifests.documents("""
            kind: Ingress
            metadata: {name: fuzzed, namespace: default}
            spec:
              ingressClassName: holdfast
              tls: [{hosts: [fuzzed.example.com], secretName: none}]
              rules:
              - host: fuzzed.example.com
                http: {paths: [{path: /a, pathType: Prefix, backend: {service: {name: fuzzed, port: {number: 80}}}}]}
            ---
            kind: Service
            metadata: {name: fuzzed, namespace: default}
            spec: {ports: [{port: 80}], clusterIPs: [10.96.0.30]}
            ---
            kind: EndpointSlice
            metadata: {name: fuzzed-a, namespace: default, labels: {kubernetes.io/service-name: fuzzed}}
            addressType: IPv4
            ports: [{port: 8080}]
            endpoints: [{addresses: [10.0.0.1]}]
            """);

    private AnnotationsFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) {
        ObjectNode annotations = JsonNodeFactory.instance.objectNode();
        for (String line : new String(input, StandardCharsets.UTF_8).split("\n")) {
            int colon = line.indexOf(": ");
            if (colon > 0) {
                String name = line.substring(0, colon);
                String prefix = name.startsWith("/")
                        ? "holdfast.dev"
                        : name.indexOf('/') < 0 ? "nginx.ingress.kubernetes.io/" : "";
                annotations.put(prefix + name, line.substring(colon + 2).replace("\\n", "\n"));
            }
        }
        Manifests manifests = new Manifests();
        for (JsonNode object : OBJECTS) {
            JsonNode copy = object.deepCopy();
            ((ObjectNode) copy.path("metadata")).set("annotations", annotations);
            manifests.add(copy);
        }
        HealthyNeighbour.requireUnharmed(manifests);
    }
}

package dev.holdfast.e2e.local;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Base64;
import java.util.stream.Collectors;

/** A directory of manifests that is edited as good editors do: write beside, then rename over. */
final class ManifestDirectory {
    private final Path directory;
    private final Path beside;

    ManifestDirectory(Path root) throws IOException {
        directory = Files.createDirectories(root.resolve("manifests"));
        beside = Files.createDirectories(root.resolve("beside"));
    }

    Path path() {
        return directory;
    }

    /** Replaces a file in one step; returns the time of the rename as {@link System#nanoTime()}. */
    long write(String file, String text) throws IOException {
        Path written = Files.writeString(beside.resolve("next"), text);
        long now = System.nanoTime();
        Files.move(
                written, directory.resolve(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return now;
    }

    void delete(String file) throws IOException {
        Files.deleteIfExists(directory.resolve(file));
    }

    static String service(String name) {
        return """
                ---
                apiVersion: v1
                kind: Service
                metadata: {name: %s}
                spec: {ports: [{name: web, port: 80}]}
                """.formatted(name);
    }

    static String slice(String service, int... ports) {
        String slices = Arrays.stream(ports)
                .mapToObj(port -> """
                        ---
                        apiVersion: discovery.k8s.io/v1
                        kind: EndpointSlice
                        metadata: {name: %s-%d, labels: {kubernetes.io/service-name: %s}}
                        addressType: IPv4
                        ports: [{name: web, port: %d}]
                        endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
                        """.formatted(service, port, service, port))
                .collect(Collectors.joining());
        return slices;
    }

    static String secret(String name, String certificatePem, String keyPem) {
        return """
                ---
                apiVersion: v1
                kind: Secret
                metadata: {name: %s}
                type: kubernetes.io/tls
                data: {tls.crt: %s, tls.key: %s}
                """.formatted(name, base64(certificatePem), base64(keyPem));
    }

    /** A route of one host and one prefix; {@code more} stands in its rule. */
    static String route(String name, String host, String prefix, String service, String tls, String more) {
        return """
                ---
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: %s}
                spec:
                  hostnames: [%s]
                  %s
                  rules:
                    - matches: [{path: {type: PathPrefix, value: %s}}]
                      backendRefs: [{name: %s, port: 80}]
                      %s
                """.formatted(name, host, tls, prefix, service, more);
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}

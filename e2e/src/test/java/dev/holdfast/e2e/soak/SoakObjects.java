package dev.holdfast.e2e.soak;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The manifests of a soak: {@code held.test} has the tunnels that stay and a route that is deleted and moved about,
 * {@code busy.test} has everything that comes and goes and a route that always serves.
 */
final class SoakObjects {
    static final String HELD_HOST = "held.test";
    static final String BUSY_HOST = "busy.test";
    /** Hosts that come and go and have no traffic. */
    static final int OTHERS = 20;

    private SoakObjects() {}

    static String other(int number) {
        return "other-" + number + ".test";
    }

    static String service(String name) {
        return """
                apiVersion: v1
                kind: Service
                metadata: {name: %s, namespace: shop}
                spec: {clusterIP: 10.0.0.1, ports: [{name: web, port: 80}]}
                """.formatted(name);
    }

    /** One slice with an endpoint per port: a slice has one port for all, so each endpoint gets a slice of its own. */
    static String slice(String service, int number, boolean ready, int port) {
        return """
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: %s-%d, namespace: shop, labels: {kubernetes.io/service-name: %s}}
                addressType: IPv4
                ports: [{name: web, port: %d}]
                endpoints: [%s]
                """.formatted(
                service, number, service, port, ready ? "{addresses: [127.0.0.1], conditions: {ready: true}}" : "");
    }

    /** The route of a host; {@code more} are lines of its rule. */
    static String route(String host, String path, String service, String... more) {
        return """
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: %s, namespace: shop}
                spec:
                  ingressClassName: holdfast
                  hostnames: [%s]
                  tls: {secretName: soak-tls, plaintext: Serve}
                  rules:
                    - matches: [{path: {type: PathPrefix, value: %s}}]
                      backendRefs: [{name: %s, port: 80}]
                """.formatted(host.replace(".test", ""), host, path, service)
                + Arrays.stream(more).map(line -> "      " + line + "\n").collect(Collectors.joining());
    }

    static String secret(X509Bundle certificate) {
        return """
                apiVersion: v1
                kind: Secret
                metadata: {name: soak-tls, namespace: shop}
                type: kubernetes.io/tls
                data: {tls.crt: %s, tls.key: %s}
                """.formatted(base64(certificate.getCertificatePathPEM()), base64(certificate.getPrivateKeyPEM()));
    }

    static List<X509Bundle> certificates(int count) throws Exception {
        List<X509Bundle> certificates = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            CertificateBuilder certificate = new CertificateBuilder()
                    .subject("CN=soak.test")
                    .addSanDnsName(HELD_HOST)
                    .addSanDnsName(BUSY_HOST);
            for (int other = 0; other < OTHERS; other++) {
                certificate.addSanDnsName(other(other));
            }
            certificates.add(
                    certificate.ecp256().setIsCertificateAuthority(true).buildSelfSigned());
        }
        return certificates;
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}

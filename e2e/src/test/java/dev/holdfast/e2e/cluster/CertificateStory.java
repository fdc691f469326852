package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.TunnelFleet;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.URI;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R03: the certificate of a host is replaced again and again. */
@Order(7)
@Timeout(300)
class CertificateStory {
    private static final String HOST = "rotating.test";
    private static final int ROTATIONS = 60;
    private static final double SERVED_SECONDS_MAX = 2;
    private static final int TUNNELS = 100;
    /** More than the eight messages that a tunnel of the fleet can have under way. */
    private static final int ECHOES_AFTERWARDS = 12;

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final RealCluster cluster = RealCluster.get();
    private final AtomicInteger handshakes = new AtomicInteger();
    private final AtomicInteger failures = new AtomicInteger();
    private volatile boolean ending;

    @Test
    void aCertificateThatRotatesIsServedSoonAndCostsNoHandshakeAndNoTunnel() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        cluster.client()
                .resource(secret(StoryCertificate.of(HOST)))
                .inNamespace(Release.STORIES)
                .serverSideApply();
        cluster.apply(
                Release.STORIES,
                release.ingress("rotating", HOST, "echo")
                        .replace("  rules:", "  tls: [{hosts: [" + HOST + "], secretName: rotating-tls}]\n  rules:"));
        List<Integer> ports = new ArrayList<>();
        for (Pod pod : release.dataPlanes()) {
            int port = cluster.podPort(pod, Release.HTTPS);
            ports.add(port);
            Release.await("its certificate", PATIENCE, () -> !serial(port).equals(BigInteger.ZERO));
        }
        SSLContext tls = context();
        try (TunnelFleet fleet = new TunnelFleet()) {
            fleet.open(TUNNELS, URI.create("wss://" + HOST + ":" + ports.getFirst() + "/"));
            List<Thread> clients = new ArrayList<>();
            for (int port : ports) {
                clients.add(Thread.ofVirtual().start(() -> shakeHands(tls, port)));
            }

            // When
            double longest = 0;
            for (int i = 0; i < ROTATIONS; i++) {
                longest = Math.max(longest, rotate(i, ports));
            }

            // Then: one loop lets the tunnels speak in turn, so when that many echoes came, each had its turns since
            // the last rotation; one that carries nothing any more is told by bytes that never come back
            ending = true;
            for (Thread client : clients) {
                client.join();
            }
            long before = fleet.messages();
            long enough = before + (long) ECHOES_AFTERWARDS * TUNNELS;
            Release.await("echoes after the last rotation", PATIENCE, () -> fleet.messages() >= enough);
            long lost = fleet.settle(Duration.ofSeconds(20));
            System.out.printf(
                    Locale.ROOT,
                    "figure: R03 certificate rotated %d times at %d data planes: handshakes %d, failed %d; served at most %.2f s"
                            + " after the API server's answer; drops %d of %d, messages back %d, of them after the last rotation %d,"
                            + " bytes lost or wrong %d%n",
                    ROTATIONS,
                    ports.size(),
                    handshakes.get(),
                    failures.get(),
                    longest,
                    fleet.drops(),
                    TUNNELS,
                    fleet.messages(),
                    fleet.messages() - before,
                    lost);
            assertThat(longest).as("seconds until it is served").isLessThanOrEqualTo(SERVED_SECONDS_MAX);
            assertThat(handshakes.get()).as("handshakes").isGreaterThanOrEqualTo(ROTATIONS);
            assertThat(failures.get()).isZero();
            assertThat(fleet.drops()).as(fleet.firstDrop()).isZero();
            assertThat(lost).isZero();
        }
    }

    /** Replaces the certificate; the seconds from the API server's answer until every data plane serves the new one. */
    private double rotate(int number, List<Integer> ports) throws Exception {
        StoryCertificate next = StoryCertificate.of(HOST);
        cluster.client().resource(secret(next)).inNamespace(Release.STORIES).serverSideApply();
        long applied = System.nanoTime();
        for (int port : ports) {
            while (!serial(port).equals(next.serial())) {
                if (System.nanoTime() - applied > PATIENCE.toNanos()) {
                    throw new AssertionError("rotation " + number + " is not served at port " + port);
                }
                Thread.sleep(10);
            }
        }
        return (System.nanoTime() - applied) / 1e9;
    }

    private static Secret secret(StoryCertificate certificate) {
        return Serialization.unmarshal(certificate.secret("rotating-tls"), Secret.class);
    }

    private void shakeHands(SSLContext tls, int port) {
        while (!ending) {
            handshakes.incrementAndGet();
            try {
                if (serial(tls, port).equals(BigInteger.ZERO)) {
                    failures.incrementAndGet();
                }
                Thread.sleep(20);
            } catch (IOException e) {
                failures.incrementAndGet();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** Of the certificate for the host; zero if another one is served or none. */
    private static BigInteger serial(int port) {
        try {
            return serial(context(), port);
        } catch (IOException e) {
            return BigInteger.ZERO;
        }
    }

    private static BigInteger serial(SSLContext tls, int port) throws IOException {
        try (SSLSocket socket =
                (SSLSocket) tls.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(20_000);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName(HOST)));
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            X509Certificate certificate = (X509Certificate) socket.getSession().getPeerCertificates()[0];
            return certificate.getSubjectX500Principal().getName().equals("CN=" + HOST)
                    ? certificate.getSerialNumber()
                    : BigInteger.ZERO;
        }
    }

    /** One without sessions to resume: each handshake shows a certificate. */
    private static SSLContext context() {
        try {
            SSLContext tls = SSLContext.getInstance("TLS");
            tls.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
            tls.getClientSessionContext().setSessionCacheSize(1);
            return tls;
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}

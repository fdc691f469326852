package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The CA of the table stream rotates; the year that it takes goes by at once, the kubelets take their own time. */
@Order(16)
@Timeout(500)
class AuthorityStory {
    /** More than two thirds of a CA's year. */
    private static final Duration OLD = Duration.ofDays(250);
    /** More than the day for which a CA is published before it signs. */
    private static final Duration KNOWN = Duration.ofDays(2);

    private static final String MOUNTED = "/var/run/holdfast/stream/ca.crt";
    private static final String HOST = "authority.test";
    private static final int TUNNELS = 100;
    /** Operators look each minute, and so do kubelets, whose cache may be another minute old. */
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private final RealCluster cluster = RealCluster.get();
    private final StreamAuthority authority = new StreamAuthority(cluster);

    @BeforeEach
    void ours() {
        cluster.needsOwn();
    }

    @Test
    void anAuthorityThatRotatesIsKnownBeforeItSignsAndCostsNothing() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        List<Pod> dataPlanes = release.dataPlanes();
        try (Traffic traffic = Traffic.start(cluster.nodePort(0, Release.HTTP_NODE_PORT), HOST, TUNNELS)) {
            double fullTables = release.fullTables(dataPlanes);
            double streamsLost = release.streamsLost(dataPlanes);
            String first = authority.certificate(StreamAuthority.CURRENT);

            // When two thirds of its life are over
            long aged = System.nanoTime();
            authority.age(StreamAuthority.CURRENT, OLD);
            Release.await("another one, published", PATIENCE, this::isNextPublished);
            double published = (System.nanoTime() - aged) / 1e9;
            String next = authority.certificate(StreamAuthority.NEXT);
            Release.await(
                    "it is known to every data plane",
                    PATIENCE,
                    () -> dataPlanes.stream()
                            .allMatch(pod -> cluster.fileOf(pod, MOUNTED).contains(next)));
            double known = (System.nanoTime() - aged) / 1e9;
            double lostBefore = release.streamsLost(dataPlanes) - streamsLost;
            boolean firstSigns = allShow(release, first);

            // And its day is over, when operators begin anew
            authority.age(StreamAuthority.NEXT, KNOWN);
            cluster.kubectl("-n", Release.NAMESPACE, "rollout", "restart", "deployment/holdfast-operator");
            release.awaitRollout(Release.NAMESPACE, "holdfast-operator");
            release.awaitSettled("operator");
            Release.await("it signs", PATIENCE, () -> allShow(release, next));
            release.serve("after-the-authority-" + aged + ".test", "echo");
            traffic.awaitEchoes();

            // Then every data plane follows an operator whose certificate only the new one vouches for
            traffic.stopRequests();
            double lost = release.streamsLost(dataPlanes) - streamsLost;
            double sentAgain = release.fullTables(dataPlanes) - fullTables;
            System.out.printf(
                    Locale.ROOT,
                    "figure: CA of the table stream rotated: the next one published after %.1f s, at every data plane after %.1f s"
                            + " (streams lost by then %.0f), signs alone at %d operators; drops %d of %d, %s, %s; full tables sent"
                            + " again %.0f%n",
                    published,
                    known,
                    lostBefore,
                    release.operators().size(),
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests(),
                    sentAgain);
            assertThat(firstSigns)
                    .as("the first one signs until the next is known")
                    .isTrue();
            assertThat(lostBefore)
                    .as("streams lost before operators were replaced")
                    .isZero();
            assertThat(lost).as("streams opened since").isGreaterThanOrEqualTo(dataPlanes.size());
            assertThat(sentAgain).as("full tables to data planes that had them").isZero();
            assertThat(authority.certificate(StreamAuthority.EARLIER)).isNotEmpty();
            assertThat(authority.bundle())
                    .as("who signs and who signed")
                    .contains(
                            authority.certificate(StreamAuthority.CURRENT),
                            authority.certificate(StreamAuthority.EARLIER));
            traffic.assertNoTunnelEnded();
            traffic.assertEveryRequestAnswered();
        }
    }

    private boolean isNextPublished() {
        String next = authority.certificate(StreamAuthority.NEXT);
        return !next.isEmpty() && authority.bundle().contains(next);
    }

    /** Whether every operator shows a certificate of this CA. */
    private boolean allShow(Release release, String signer) {
        return release.operators().stream()
                .allMatch(operator -> shows(cluster.podPort(operator, TableStream.PORT), signer));
    }

    private static boolean shows(int port, String signer) {
        try (SSLSocket socket = TableStream.connect(TableStream.trusting(signer), port)) {
            return socket.getSession().isValid();
        } catch (SSLException e) {
            return false;
        } catch (IOException | GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}

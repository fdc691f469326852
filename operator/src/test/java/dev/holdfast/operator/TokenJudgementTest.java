package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.channel.ChannelConfig;
import dev.holdfast.operator.channel.ChannelConfig.Authority;
import dev.holdfast.operator.channel.ChannelConfig.Lifetimes;
import dev.holdfast.operator.channel.ChannelConfig.Peers;
import dev.holdfast.operator.channel.SecureChannel;
import dev.holdfast.operator.publish.PeerVerdict;
import dev.holdfast.operator.publish.PeerVerifier;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How long a token is believed, and when it is asked about. */
@Timeout(60)
class TokenJudgementTest {
    private final MockApi api = new MockApi();
    private final KubernetesClient client = api.operatorClient();
    private volatile Instant now = Instant.now();
    private final PeerVerifier peers = new SecureChannel(
                    new ChannelConfig(
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                            List.of("localhost"),
                            Peers.parse("edge/proxy", Peers.AUDIENCE),
                            new Authority("default", "stream-ca", "stream-ca", Lifetimes.DEFAULT)),
                    client,
                    new SimpleMeterRegistry(),
                    () -> now)
            .guard()
            .peers();

    @AfterEach
    void stop() {
        client.close();
        api.close();
    }

    @Test
    void aTokenIsAskedAboutOnceAMinute() {
        // Given
        String token = admitted();
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);
        now = now.plusSeconds(59);
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);
        assertThat(api.reviews()).isEqualTo(1);

        // When
        now = now.plusSeconds(2);
        PeerVerdict verdict = peers.verify(token);

        // Then
        assertThat(verdict).isInstanceOf(PeerVerdict.Known.class);
        assertThat(api.reviews()).isEqualTo(2);
    }

    @Test
    void aPodThatIsGoneIsKnownForAMinuteAtMost() {
        // Given
        String token = admitted();
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);

        // When
        api.dismiss(token);
        now = now.plusSeconds(61);

        // Then
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Unknown.class);
    }

    @Test
    void whileNobodyCanBeAskedATokenIsBelievedToItsEnd() {
        // Given
        String token = admitted();
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);

        // When
        api.refuse("/tokenreviews", 500);
        now = now.plus(Duration.ofMinutes(50));

        // Then
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);
        int asked = api.reviews();
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);
        assertThat(api.reviews()).as("asked again after a while only").isEqualTo(asked);
        assertThat(peers.verify(admitted())).isInstanceOf(PeerVerdict.Undecided.class);
        now = now.plus(Duration.ofMinutes(11));
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Unknown.class);
    }

    @Test
    void whatCannotBeATokenOfOursIsNotAskedAbout() {
        // Given
        List<String> strangers = List.of(
                "", "a", "a.b.c", "..", "a.!!.c", "x".repeat(9_000), Tokens.token("other", Duration.ofHours(1)));

        // When
        List<PeerVerdict> verdicts = strangers.stream().map(peers::verify).toList();

        // Then
        assertThat(verdicts).allMatch(verdict -> verdict instanceof PeerVerdict.Unknown);
        assertThat(api.reviews()).isZero();
    }

    @Test
    void strangersPushOutNoJudgementOfADataPlane() {
        // Given
        String token = admitted();
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);

        // When
        for (int i = 0; i < 4_200; i++) {
            peers.verify(Tokens.stranger());
        }

        // Then
        int asked = api.reviews();
        assertThat(asked).isEqualTo(4_201);
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);
        assertThat(api.reviews()).as("the judgement was still there").isEqualTo(asked);
    }

    @Test
    void strangersKeepNoDataPlaneFromBeingHeard() {
        // Given
        api.slowReviews(Duration.ofSeconds(4));
        for (int i = 0; i < 16; i++) {
            Thread.startVirtualThread(() -> peers.verify(Tokens.stranger()));
        }
        await("reviews are under way", () -> api.reviews() >= 4);

        // When
        PeerVerdict verdict = peers.verify(admitted());

        // Then
        assertThat(verdict).isInstanceOf(PeerVerdict.Known.class);
    }

    @Test
    void aFleetThatComesAtOnceIsHeardToTheLast() throws Exception {
        // Given
        api.slowReviews(Duration.ofMillis(300));
        List<Callable<PeerVerdict>> fleet = IntStream.range(0, 24)
                .mapToObj(i -> admitted())
                .map(token -> (Callable<PeerVerdict>) () -> peers.verify(token))
                .toList();

        // When
        List<PeerVerdict> verdicts = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<PeerVerdict> verdict : threads.invokeAll(fleet)) {
                verdicts.add(verdict.get());
            }
        }

        // Then
        assertThat(verdicts).hasSize(24).allMatch(verdict -> verdict instanceof PeerVerdict.Known);
    }

    @Test
    void whileNobodyHasTimeToAskATokenThatWasAcceptedIsBelieved() {
        // Given
        String token = admitted();
        assertThat(peers.verify(token)).isInstanceOf(PeerVerdict.Known.class);
        api.slowReviews(Duration.ofSeconds(4));
        for (int i = 0; i < 16; i++) {
            Thread.startVirtualThread(() -> peers.verify(Tokens.token()));
        }
        await("reviews are under way", () -> api.reviews() > 12);
        int asked = api.reviews();

        // When
        now = now.plusSeconds(61);
        PeerVerdict verdict = peers.verify(token);

        // Then
        assertThat(verdict).isInstanceOf(PeerVerdict.Known.class);
        assertThat(api.reviews()).as("it was not asked about").isEqualTo(asked);
    }

    private String admitted() {
        String token = Tokens.token();
        api.admit(token, Tokens.USER, "dp-1");
        return token;
    }
}

package dev.holdfast.operator;

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
import java.util.List;
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

    private String admitted() {
        String token = Tokens.token();
        api.admit(token, Tokens.USER, "dp-1");
        return token;
    }
}

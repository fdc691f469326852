package dev.holdfast.operator.channel;

import dev.holdfast.operator.channel.ChannelConfig.Peers;
import dev.holdfast.operator.publish.PeerVerdict;
import dev.holdfast.operator.publish.PeerVerifier;
import dev.holdfast.routetable.update.ApplyReport;
import io.fabric8.kubernetes.api.model.authentication.TokenReview;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewBuilder;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatus;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells data planes by their tokens, as the API server judges them. A judgement is kept for a minute under the hash of
 * the token, which itself is kept nowhere. While the API server cannot be asked, a token that it once accepted is
 * believed to its end, and no other is. Thread-safe.
 */
final class TokenReviews implements PeerVerifier {
    private static final Logger LOG = LoggerFactory.getLogger(TokenReviews.class);
    private static final Duration ACCEPTED_FOR = Duration.ofSeconds(60);
    private static final Duration BELIEVED_FOR = Duration.ofSeconds(20);
    private static final Duration REFUSED_FOR = Duration.ofSeconds(10);
    private static final int TOKEN_CHARS_MAX = 8_192;
    private static final int JUDGEMENTS_MAX = 4_096;
    private static final int REVIEWS_AT_A_TIME_MAX = 16;
    private static final String POD_NAME = "authentication.kubernetes.io/pod-name";
    private static final String POD_UID = "authentication.kubernetes.io/pod-uid";

    private final KubernetesClient client;
    private final Peers peers;
    private final MeterRegistry registry;
    private final InstantSource time;
    private final Semaphore reviews = new Semaphore(REVIEWS_AT_A_TIME_MAX);
    private final Map<String, Judgement> judgements = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Judgement> eldest) {
            return size() > JUDGEMENTS_MAX;
        }
    };

    private record Judgement(PeerVerdict verdict, Instant freshUntil) {}

    TokenReviews(KubernetesClient client, Peers peers, MeterRegistry registry, InstantSource time) {
        this.client = client;
        this.peers = peers;
        this.registry = registry;
        this.time = time;
    }

    @Override
    public PeerVerdict verify(String token) {
        Optional<TokenClaims> claims = token.length() > TOKEN_CHARS_MAX ? Optional.empty() : TokenClaims.read(token);
        if (claims.isEmpty()) {
            return new PeerVerdict.Unknown("it showed no token of a ServiceAccount that ends");
        }
        Instant now = time.instant();
        Instant expires = claims.get().expires();
        if (!now.isBefore(expires)) {
            return new PeerVerdict.Unknown("its token ended " + expires);
        }
        if (!claims.get().audiences().contains(peers.audience())) {
            return new PeerVerdict.Unknown("its token is for another audience (expected: " + peers.audience() + ")");
        }
        String hash = hash(token);
        Judgement known = judgement(hash);
        if (known != null && now.isBefore(known.freshUntil)) {
            return known.verdict;
        }
        PeerVerdict.Known accepted = known != null && known.verdict instanceof PeerVerdict.Known peer ? peer : null;
        if (!reviews.tryAcquire()) {
            return accepted == null
                    ? count("busy", new PeerVerdict.Undecided(REVIEWS_AT_A_TIME_MAX + " tokens are being reviewed"))
                    : count("believed", accepted);
        }
        try {
            PeerVerdict verdict = review(token, expires);
            boolean valid = verdict instanceof PeerVerdict.Known;
            remember(hash, new Judgement(verdict, now.plus(valid ? ACCEPTED_FOR : REFUSED_FOR)));
            return count(valid ? "accepted" : "refused", verdict);
        } catch (KubernetesClientException e) {
            LOG.debug("a token cannot be reviewed status={}", e.getCode());
            if (accepted != null) {
                // An API server that hangs must not cost every report of every data plane as much as a timeout.
                remember(hash, new Judgement(accepted, now.plus(BELIEVED_FOR)));
                return count("believed", accepted);
            }
            return count(
                    "failed",
                    new PeerVerdict.Undecided("the API server answers no TokenReview, status=" + e.getCode()));
        } finally {
            reviews.release();
        }
    }

    private PeerVerdict review(String token, Instant expires) {
        TokenReview answer = client.tokenReviews()
                .create(new TokenReviewBuilder()
                        .withNewSpec()
                        .withAudiences(peers.audience())
                        .withToken(token)
                        .endSpec()
                        .build());
        TokenReviewStatus status = answer == null ? null : answer.getStatus();
        if (status == null || !Boolean.TRUE.equals(status.getAuthenticated())) {
            return new PeerVerdict.Unknown("the API server does not accept its token");
        }
        if (status.getAudiences() == null || !status.getAudiences().contains(peers.audience())) {
            return new PeerVerdict.Unknown("the API server accepts its token for another audience");
        }
        String user =
                status.getUser() == null ? "" : String.valueOf(status.getUser().getUsername());
        if (!user.equals(peers.username())) {
            return new PeerVerdict.Foreign("it is " + user + " (expected: " + peers.username() + ")");
        }
        Map<String, List<String>> extra =
                Objects.requireNonNullElse(status.getUser().getExtra(), Map.of());
        String pod = only(extra.get(POD_NAME));
        if (pod == null || only(extra.get(POD_UID)) == null || !ApplyReport.isName(pod)) {
            return new PeerVerdict.Foreign("its token is bound to no pod (expected: a projected token)");
        }
        return new PeerVerdict.Known(pod, expires);
    }

    private static @Nullable String only(@Nullable List<String> values) {
        return values == null || values.size() != 1 ? null : values.getFirst();
    }

    private PeerVerdict count(String outcome, PeerVerdict verdict) {
        Counter.builder("holdfast.operator.token.reviews")
                .description("Tokens of data planes that the API server was asked about, by its answer")
                .tag("outcome", outcome)
                .register(registry)
                .increment();
        return verdict;
    }

    private @Nullable Judgement judgement(String hash) {
        synchronized (judgements) {
            return judgements.get(hash);
        }
    }

    private void remember(String hash, Judgement judgement) {
        synchronized (judgements) {
            judgements.put(hash, judgement);
        }
    }

    private static String hash(String token) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JDK has no SHA-256", e);
        }
    }
}

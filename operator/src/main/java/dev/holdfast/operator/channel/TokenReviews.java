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
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells data planes by their tokens, as the API server judges them. A judgement is kept for a minute under the hash of
 * the token, which itself is kept nowhere. While the API server cannot be asked, a token that it once accepted is
 * believed to its end, and no other is. Who sends tokens that are refused, however many, pushes out nothing that was
 * accepted. Who sends tokens of others waits apart from the data planes; who forges theirs waits among them, and can make a
 * token that was never judged wait in vain. Thread-safe.
 */
final class TokenReviews implements PeerVerifier {
    private static final Logger LOG = LoggerFactory.getLogger(TokenReviews.class);
    private static final Duration ACCEPTED_FOR = Duration.ofSeconds(60);
    private static final Duration BELIEVED_FOR = Duration.ofSeconds(20);
    private static final Duration REFUSED_FOR = Duration.ofSeconds(10);
    private static final int TOKEN_CHARS_MAX = 8_192;
    private static final int JUDGEMENTS_MAX = 4_096;
    private static final int OWN_REVIEWS_AT_A_TIME_MAX = 12;
    private static final int OTHER_REVIEWS_AT_A_TIME_MAX = 4;
    private static final Duration QUEUED_MAX = Duration.ofSeconds(2);
    private static final String POD_NAME = "authentication.kubernetes.io/pod-name";
    private static final String POD_UID = "authentication.kubernetes.io/pod-uid";

    private final KubernetesClient client;
    private final Peers peers;
    private final MeterRegistry registry;
    private final InstantSource time;
    private final Semaphore ownReviews = new Semaphore(OWN_REVIEWS_AT_A_TIME_MAX, true);
    private final Semaphore otherReviews = new Semaphore(OTHER_REVIEWS_AT_A_TIME_MAX, true);
    private final Map<String, Judgement> accepted = bounded();
    private final Map<String, Judgement> refused = bounded();

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
        PeerVerdict.Known before = known != null && known.verdict instanceof PeerVerdict.Known peer ? peer : null;
        // Anybody can write this subject: it only says in which queue to wait.
        boolean own = claims.get().subject().equals(peers.username());
        Semaphore reviews = own ? ownReviews : otherReviews;
        if (!isTurn(reviews)) {
            return before == null
                    ? count("busy", new PeerVerdict.Undecided("too many tokens are being reviewed"))
                    : believe(hash, before, now);
        }
        try {
            PeerVerdict verdict = review(token, expires);
            boolean valid = verdict instanceof PeerVerdict.Known;
            remember(hash, new Judgement(verdict, now.plus(valid ? ACCEPTED_FOR : REFUSED_FOR)));
            return count(valid ? "accepted" : "refused", verdict);
        } catch (KubernetesClientException e) {
            LOG.debug("a token cannot be reviewed status={}", e.getCode());
            if (before != null) {
                return believe(hash, before, now);
            }
            return count(
                    "failed",
                    new PeerVerdict.Undecided("the API server answers no TokenReview, status=" + e.getCode()));
        } finally {
            reviews.release();
        }
    }

    private static boolean isTurn(Semaphore reviews) {
        try {
            return reviews.tryAcquire(QUEUED_MAX.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** For a while: an API server that hangs must not cost every report of every data plane as much as a timeout. */
    private PeerVerdict believe(String hash, PeerVerdict.Known before, Instant now) {
        synchronized (accepted) {
            Judgement meanwhile = refused.get(hash);
            if (meanwhile != null) {
                return meanwhile.verdict;
            }
            remember(hash, new Judgement(before, now.plus(BELIEVED_FOR)));
        }
        return count("believed", before);
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
        synchronized (accepted) {
            Judgement judgement = accepted.get(hash);
            return judgement == null ? refused.get(hash) : judgement;
        }
    }

    private void remember(String hash, Judgement judgement) {
        boolean valid = judgement.verdict instanceof PeerVerdict.Known;
        synchronized (accepted) {
            (valid ? accepted : refused).put(hash, judgement);
            (valid ? refused : accepted).remove(hash);
        }
    }

    private static Map<String, Judgement> bounded() {
        return new LinkedHashMap<>(64, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Judgement> eldest) {
                return size() > JUDGEMENTS_MAX;
            }
        };
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

package dev.holdfast.operator.channel;

import dev.holdfast.operator.channel.ChannelConfig.Authority;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the CA in the Secret and its bundle in the ConfigMap as they must be. Every replica does it, in no order: a
 * write names the version that was read, so that of two replicas that take the same step one wins and the other reads
 * what it wrote. Used by one thread.
 */
final class AuthorityKeeper {
    /** Where data planes find the bundle in the ConfigMap. */
    static final String BUNDLE = "ca.crt";

    private static final Logger LOG = LoggerFactory.getLogger(AuthorityKeeper.class);
    private static final int ROUNDS_MAX = 5;
    private static final Map<String, String> LABELS = Map.of("app.kubernetes.io/managed-by", "holdfast-operator");

    /** An object is gone that the operator may fill but not create. */
    static final class ObjectMissingException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final String kind;
        private final String name;

        ObjectMissingException(HasMetadata object, KubernetesClientException cause) {
            super(cause);
            kind = object.getKind();
            name = object.getMetadata().getName();
        }

        String kind() {
            return kind;
        }

        String name() {
            return name;
        }
    }

    private final KubernetesClient client;
    private final Authority config;
    private final InstantSource time;
    private @Nullable AuthorityState state;
    private @Nullable Instant publishedAt;

    AuthorityKeeper(KubernetesClient client, Authority config, InstantSource time) {
        this.client = client;
        this.config = config;
        this.time = time;
    }

    /** What was last seen or made; null before the first round. */
    @Nullable
    AuthorityState state() {
        return state;
    }

    /**
     * Takes every step that is due.
     *
     * @throws KubernetesClientException if the API server cannot be asked
     * @throws ObjectMissingException if the Secret or the ConfigMap is gone, and others must bring it back
     * @throws GeneralSecurityException if the Secret holds something else; it is left alone
     */
    void keep() throws GeneralSecurityException {
        for (int round = 0; round < ROUNDS_MAX; round++) {
            try {
                if (isSettled()) {
                    return;
                }
            } catch (KubernetesClientException e) {
                if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
                    throw e;
                }
                LOG.debug("another replica was faster round={}", round);
            }
        }
    }

    /** One step; false if another may be due. The ConfigMap is read first: what is written to it is never older. */
    private boolean isSettled() throws GeneralSecurityException {
        ConfigMap bundle = client.configMaps()
                .inNamespace(config.namespace())
                .withName(config.configMap())
                .get();
        Secret secret = client.secrets()
                .inNamespace(config.namespace())
                .withName(config.secret())
                .get();
        Optional<AuthorityState> stored = secret == null ? Optional.empty() : AuthorityState.decode(text(secret));
        if (stored.isEmpty()) {
            // A Secret that was deleted comes back with the keys that data planes already trust.
            AuthorityState known = state;
            write(secret, known == null ? AuthorityState.first(time.instant(), config.lifetimes()) : known);
            return false;
        }
        AuthorityState now = stored.get();
        state = now;
        if (bundle == null || !now.bundle().equals(content(bundle))) {
            publish(bundle, now.bundle());
            publishedAt = time.instant();
            return false;
        }
        AuthorityState due = now.step(time.instant(), config.lifetimes());
        if (due.equals(now) || isTooEarly(now, due)) {
            return true;
        }
        write(secret, due);
        return false;
    }

    /** The next CA must not sign before those who verify had the time to read of it, however late it was published. */
    private boolean isTooEarly(AuthorityState now, AuthorityState due) {
        Instant published = publishedAt;
        boolean signsByAnother = !due.current().equals(now.current());
        boolean isOver = !time.instant().isBefore(now.current().notAfter());
        return signsByAnother
                && !isOver
                && published != null
                && time.instant().isBefore(published.plus(config.lifetimes().overlap()));
    }

    private void write(@Nullable Secret before, AuthorityState next) {
        Map<String, String> data = new HashMap<>();
        next.encode()
                .forEach((name, value) ->
                        data.put(name, Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.US_ASCII))));
        put(
                before,
                new SecretBuilder()
                        .withMetadata(metadata(before, config.secret()))
                        .withType("Opaque")
                        .withData(data)
                        .build());
        LOG.info(
                "CA written secret={}/{} current=\"{}\" next=\"{}\" earlier={}",
                config.namespace(),
                config.secret(),
                next.current(),
                next.next(),
                next.earlier().size());
    }

    private void publish(@Nullable ConfigMap before, String bundle) {
        put(
                before,
                new ConfigMapBuilder()
                        .withMetadata(metadata(before, config.configMap()))
                        .withData(Map.of(BUNDLE, bundle))
                        .build());
        LOG.info("CA published configMap={}/{}", config.namespace(), config.configMap());
    }

    /** What others brought keeps their labels and annotations: Helm knows its own by them, and refuses to share them. */
    private ObjectMeta metadata(@Nullable HasMetadata before, String name) {
        if (before != null) {
            return before.getMetadata();
        }
        return new ObjectMetaBuilder()
                .withNamespace(config.namespace())
                .withName(name)
                .withLabels(LABELS)
                .build();
    }

    private void put(@Nullable HasMetadata before, HasMetadata next) {
        if (before == null) {
            create(next);
        } else {
            client.resource(next)
                    .lockResourceVersion(before.getMetadata().getResourceVersion())
                    .update();
        }
    }

    /** The chart brings both objects and so grants no right to create them, for RBAC cannot tie it to a name. */
    private void create(HasMetadata object) {
        try {
            client.resource(object).create();
        } catch (KubernetesClientException e) {
            if (e.getCode() == HttpURLConnection.HTTP_FORBIDDEN) {
                throw new ObjectMissingException(object, e);
            }
            throw e;
        }
    }

    private static @Nullable String content(ConfigMap bundle) {
        return bundle.getData() == null ? null : bundle.getData().get(BUNDLE);
    }

    private static Map<String, String> text(Secret secret) throws GeneralSecurityException {
        Map<String, String> text = new HashMap<>();
        try {
            Objects.requireNonNullElse(secret.getData(), Map.<String, String>of())
                    .forEach((name, value) ->
                            text.put(name, new String(Base64.getDecoder().decode(value), StandardCharsets.US_ASCII)));
        } catch (IllegalArgumentException e) {
            throw new GeneralSecurityException("a value that is not Base64");
        }
        return text;
    }
}

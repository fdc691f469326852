package dev.holdfast.operator.channel;

import dev.holdfast.operator.channel.AuthorityKeeper.ObjectMissingException;
import dev.holdfast.operator.publish.StreamGuard;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.RequestConfigBuilder;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS and identity of the table stream. Until the CA was read or made once, handshakes fail; after that nothing here
 * stops the stream: while the API server is away, certificates are made by the CA that is known.
 */
public final class SecureChannel implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SecureChannel.class);
    private static final Duration RETRY = Duration.ofSeconds(2);
    private static final Duration COMPLAINT_PERIOD = Duration.ofSeconds(30);
    private static final int REQUEST_MILLIS_MAX = 5_000;

    private final ChannelConfig config;
    private final AuthorityKeeper keeper;
    private final LeafKeys leaf;
    private final InstantSource time;
    private final StreamGuard guard;
    private final Thread thread = Thread.ofVirtual().name("stream-ca").unstarted(this::loop);
    private boolean complained;
    private long complainedNanos;
    private @Nullable String missing;
    private volatile boolean isKept;
    private volatile Instant authorityEnd = Instant.EPOCH;

    /** Asks through {@code client}, which stays open when this closes. Does nothing before {@link #start()}. */
    public SecureChannel(ChannelConfig config, KubernetesClient client, MeterRegistry registry, InstantSource time) {
        this.config = config;
        this.time = time;
        KubernetesClient brief = client.newClient(
                        new RequestConfigBuilder(client.getConfiguration().getRequestConfig())
                                .withRequestRetryBackoffLimit(0)
                                .withRequestTimeout(REQUEST_MILLIS_MAX)
                                .build())
                .adapt(KubernetesClient.class);
        this.keeper = new AuthorityKeeper(brief, config.authority(), time);
        this.leaf =
                new LeafKeys(config.dnsNames(), config.authority().lifetimes().leaf());
        this.guard = new StreamGuard(leaf.context(), new TokenReviews(brief, config.peers(), registry, time), time);
        Gauge.builder("holdfast.operator.ca.expiry", this, channel -> channel.secondsUntil(channel.authorityEnd))
                .description("Seconds until the CA of the table stream ends")
                .baseUnit("seconds")
                .register(registry);
        Gauge.builder("holdfast.operator.ca.kept", this, channel -> channel.isKept ? 1 : 0)
                .description("1 while the CA of the table stream is in its Secret and its ConfigMap as it must be")
                .register(registry);
        Gauge.builder("holdfast.operator.stream.certificate.expiry", this, SecureChannel::leafSeconds)
                .description("Seconds until this replica's certificate ends")
                .baseUnit("seconds")
                .register(registry);
    }

    /** What the stream server asks. */
    public StreamGuard guard() {
        return guard;
    }

    /** Begins to keep the CA, in the background. */
    public void start() {
        thread.start();
    }

    /** Whether there is a certificate to show. */
    public boolean isReady() {
        return leaf.notAfter().isPresent();
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void loop() {
        try {
            while (true) {
                boolean kept = keep();
                Duration check = config.authority().lifetimes().check();
                Thread.sleep(kept || check.compareTo(RETRY) < 0 ? check : RETRY);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean keep() {
        boolean kept = false;
        try {
            keeper.keep();
            kept = true;
            missing = null;
        } catch (ObjectMissingException e) {
            tellMissing(e.kind(), e.name());
        } catch (KubernetesClientException e) {
            complain(() -> LOG.warn(
                    "CA not looked at secret={}/{} status={}",
                    config.authority().namespace(),
                    config.authority().secret(),
                    e.getCode()));
        } catch (GeneralSecurityException e) {
            complain(() -> LOG.error(
                    "CA not read secret={}/{} because=\"{}\" (expected: what this operator wrote; empty it to have"
                            + " another made)",
                    config.authority().namespace(),
                    config.authority().secret(),
                    e.getMessage()));
        } catch (RuntimeException e) {
            LOG.error("CA not kept", e);
        }
        isKept = kept;
        AuthorityState state = keeper.state();
        if (state != null) {
            authorityEnd = state.current().notAfter();
            if (leaf.renew(state.current(), time.instant())) {
                LOG.info(
                        "stream certificate made names={} until={}",
                        config.dnsNames(),
                        leaf.notAfter().orElseThrow());
            }
        }
        return kept;
    }

    /** Says once what stays so until a person acts; the gauge goes on telling it. */
    private void tellMissing(String kind, String name) {
        if (kind.equals(missing)) {
            return;
        }
        missing = kind;
        String namespace = config.authority().namespace();
        LOG.error(
                "CA not kept: missing kind={} object={}/{} and the operator has no right to create it (expected: helm upgrade,"
                        + " or kubectl apply of the manifests, which bring it back; or kubectl -n {} create {} {}, which"
                        + " makes it empty)",
                kind,
                namespace,
                name,
                namespace,
                kind.equals("Secret") ? "secret generic" : "configmap",
                name);
    }

    /** Says at most every half minute what is tried again much sooner. */
    private void complain(Runnable complaint) {
        long now = System.nanoTime();
        if (!complained || now - complainedNanos >= COMPLAINT_PERIOD.toNanos()) {
            complained = true;
            complainedNanos = now;
            complaint.run();
        }
    }

    private double leafSeconds() {
        return secondsUntil(leaf.notAfter().orElse(Instant.EPOCH));
    }

    private double secondsUntil(Instant end) {
        return end.equals(Instant.EPOCH)
                ? 0
                : Duration.between(time.instant(), end).toMillis() / 1e3;
    }
}

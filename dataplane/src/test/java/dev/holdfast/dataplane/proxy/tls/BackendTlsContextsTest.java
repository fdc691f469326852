package dev.holdfast.dataplane.proxy.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.BackendTls.Verification;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.util.ReferenceCountUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When the authorities of backends are read, how often, and who waits for it: never an event loop. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class BackendTlsContextsTest {
    private static final int MANY = 1_100;
    private static final String AUTHORITY = authority();
    private static final String UNREADABLE = "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n";

    /** One each: the common pool may have a single one for all. */
    private static final Executor THREADS = Thread.ofPlatform().daemon()::start;

    private final Queue<String> read = new ConcurrentLinkedQueue<>();
    private final ActiveRoutes routes = new ActiveRoutes();
    private int version;

    @Test
    void authoritiesAreReadOnceHoweverManyThereAre() {
        // Given
        BackendTlsContexts contexts = joined(new BackendTlsContexts(this::build));
        Upstream[] upstreams =
                IntStream.range(0, MANY).mapToObj(i -> upstream("u" + i, ca(i))).toArray(Upstream[]::new);
        serve(upstreams);
        // When the next table has the same ones, and connections are made to each
        serve(upstreams);
        Arrays.stream(upstreams).forEach(upstream -> shakeHands(contexts, upstream));
        // Then
        assertThat(read).hasSize(MANY);
    }

    @Test
    void authoritiesThatNoUpstreamNamesAreForgotten() {
        // Given
        joined(new BackendTlsContexts(this::build));
        serve(upstream("u", ca(1)));
        // When
        serve(upstream("u", ca(2)));
        serve(upstream("u", ca(1)));
        // Then
        assertThat(read).containsExactly(ca(1), ca(2), ca(1));
    }

    @Test
    void aConnectionDoesNotWaitForTheAuthoritiesOfTheNextTable() throws Exception {
        // Given a table whose second authorities are still being read
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        BackendTlsContexts contexts = joined(new BackendTlsContexts(tls -> {
            if (ca(2).equals(tls.caPem())) {
                reading.countDown();
                awaitUninterrupted(goOn);
            }
            return build(tls);
        }));
        Upstream served = upstream("u", ca(1));
        serve(served);
        CompletableFuture<Void> swap = CompletableFuture.runAsync(() -> serve(served, upstream("v", ca(2))), THREADS);
        try {
            reading.await();
            // When
            CompletableFuture<Void> connection =
                    CompletableFuture.runAsync(() -> shakeHands(contexts, served), THREADS);
            // Then
            assertThat(connection).succeedsWithin(20, TimeUnit.SECONDS);
            assertThat(swap).isNotDone();
        } finally {
            goOn.countDown();
            swap.join();
        }
    }

    @Test
    void aRequestOfATableBeforeStillFindsItsAuthorities() {
        // Given
        BackendTlsContexts contexts = joined(new BackendTlsContexts(this::build));
        Upstream before = upstream("u", ca(1));
        serve(before);
        serve(upstream("u", ca(2)));
        // When
        shakeHands(contexts, before);
        // Then: as a last resort
        assertThat(read).containsExactly(ca(1), ca(2), ca(1));
    }

    @Test
    void unreadableAuthoritiesCostOnlyTheirOwnUpstreamAndAreTriedOnce() {
        // Given
        BackendTlsContexts contexts = joined(new BackendTlsContexts(this::build));
        Upstream broken = upstream("broken", UNREADABLE);
        Upstream healthy = upstream("healthy", ca(1));
        serve(broken, healthy);
        // When
        serve(broken, healthy, upstream("new", ca(2)));
        // Then
        shakeHands(contexts, healthy);
        shakeHands(contexts, upstream("new", ca(2)));
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> shakeHands(contexts, broken))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("backendTls.caPem: not readable");
        }
        assertThat(read).containsExactlyInAnyOrder(UNREADABLE, ca(1), ca(2));
    }

    private SslContext build(BackendTls tls) {
        read.add(String.valueOf(tls.caPem()));
        return BackendTlsContexts.build(tls);
    }

    private BackendTlsContexts joined(BackendTlsContexts contexts) {
        routes.join(contexts);
        return contexts;
    }

    private void serve(Upstream... upstreams) {
        routes.swap(
                new TableVersion(++version, "0".repeat(64)),
                RouteTable.of(List.of(), List.of(upstreams), List.of(new EndpointGroup("g", List.of())), List.of()));
    }

    private static void shakeHands(BackendTlsContexts contexts, Upstream upstream) {
        SslHandler handler = contexts.newHandler(
                upstream,
                "a.test",
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 443),
                ByteBufAllocator.DEFAULT);
        ReferenceCountUtil.release(handler.engine());
    }

    private static Upstream upstream(String id, String ca) {
        return new Upstream(id, "g", new BackendTls(Verification.VERIFY, ca, null), Balancing.DEFAULT);
    }

    /** Other text each time, and the same certificate, for making thousands takes long. */
    private static String ca(int number) {
        return "authority " + number + "\n" + AUTHORITY;
    }

    private static void awaitUninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String authority() {
        try {
            return new CertificateBuilder()
                    .ecp256()
                    .subject("CN=Authority")
                    .setIsCertificateAuthority(true)
                    .buildSelfSigned()
                    .getCertificatePEM();
        } catch (Exception e) {
            throw new IllegalStateException("no certificate for the test", e);
        }
    }
}

package dev.holdfast.dataplane.proxy.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.match.MatchIndex;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.ByteBufAllocator;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.netty.util.ReferenceCountUtil;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who holds a context, and until when. What nobody gives back the guard against leaks tells at the end. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class TlsContextsTest {
    private static final String HOST = "a.test";
    private static final int SWAPS = 60;
    private static final int HANDSHAKERS = 3;

    private final TlsContexts contexts = new TlsContexts(new SimpleMeterRegistry());
    private int version;

    @Test
    void swapsTakeNoContextFromAHandshakeAndLeaveNoneBehind() throws Exception {
        // Given threads that look a context up all the time
        ActiveRoutes routes = new ActiveRoutes();
        routes.join(contexts);
        List<RouteTable> tables = List.of(
                table(certificate()), table(certificate()), RouteTable.of(List.of(), List.of(), List.of(), List.of()));
        AtomicBoolean ended = new AtomicBoolean();
        try (var threads = Executors.newFixedThreadPool(HANDSHAKERS)) {
            List<CompletableFuture<Integer>> served = IntStream.range(0, HANDSHAKERS)
                    .mapToObj(i -> CompletableFuture.supplyAsync(() -> shakeHandsUntil(ended), threads))
                    .toList();
            // When certificates come, change and go
            try {
                for (int i = 0; i < SWAPS; i++) {
                    routes.swap(nextVersion(), tables.get(i % tables.size()));
                }
            } finally {
                ended.set(true);
            }
            // Then
            assertThat(served).allSatisfy(count -> assertThat(count.join()).isPositive());
        }
        contexts.close();
    }

    @Test
    void aTableThatComesBehindTheEndGivesBackWhatItMadeAndNothingTwice() throws Exception {
        // Given
        ActiveRoutes routes = new ActiveRoutes();
        routes.join(contexts);
        RouteTable first = table(certificate());
        routes.swap(nextVersion(), first);
        RouteTable second = table(certificate());
        ActiveRoutes.Prepared late =
                contexts.prepare(new ActiveTable(nextVersion(), second, MatchIndex.of(second), Map.of()));
        // When
        contexts.close();
        // Then
        assertThatCode(late::adopt).doesNotThrowAnyException();
        assertThatCode(() -> routes.swap(nextVersion(), second)).doesNotThrowAnyException();
        assertThatCode(contexts::close).doesNotThrowAnyException();
        assertThatThrownBy(() -> contexts.newHandler(HOST, ByteBufAllocator.DEFAULT))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    private int shakeHandsUntil(AtomicBoolean ended) {
        int served = 0;
        do {
            ReferenceCountUtil.release(
                    contexts.newHandler(HOST, ByteBufAllocator.DEFAULT).engine());
            served++;
        } while (!ended.get());
        return served;
    }

    private TableVersion nextVersion() {
        return new TableVersion(++version, "0".repeat(64));
    }

    private static RouteTable table(Certificate certificate) {
        return RouteTable.of(
                List.of(new VirtualHost(new HostPattern(HOST), certificate.id(), List.of())),
                List.of(),
                List.of(),
                List.of(certificate));
    }

    private static Certificate certificate() throws Exception {
        X509Bundle bundle = new CertificateBuilder()
                .ecp256()
                .subject("CN=" + HOST)
                .addSanDnsName(HOST)
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        return new Certificate("ns/a", bundle.getCertificatePEM(), SecretBytes.ofText(bundle.getPrivateKeyPEM()));
    }
}

package dev.holdfast.dataplane.proxy.tls;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What people put into a Secret by mistake. It costs the others nothing, and its own host as little as can be. */
@ParameterizedClass(name = "{0}")
@EnumSource(
        value = SslProvider.class,
        names = {"OPENSSL_REFCNT", "JDK"})
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class MistakenCertificatesTest {
    private static final String HOST = "a.test";
    private static final String HEALTHY = "b.test";
    private static final String DEFAULT = "CN=Holdfast Default Certificate";
    private static final int ROUND_TRIPS_MAX = 20;

    private static final X509Bundle ROOT = authority("CN=Root", null);
    private static final X509Bundle INTERMEDIATE = authority("CN=Intermediate", ROOT);
    private static final X509Bundle LEAF = leaf(HOST, INTERMEDIATE);
    private static final X509Bundle LEAF_OF_ROOT = leaf(HOST, ROOT);
    private static final X509Bundle ALONE = leaf(HOST, null);

    /** Of the same name, with another key: what remains in a bundle when an authority was renewed. */
    private static final X509Bundle INTERMEDIATE_BEFORE = authority("CN=Intermediate", ROOT);

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final ActiveRoutes routes = new ActiveRoutes();
    private final Certificate healthy = certificate("ns/b", leaf(HEALTHY, null));
    private final TlsContexts contexts;
    private int version;

    MistakenCertificatesTest(SslProvider provider) {
        contexts = new TlsContexts(registry, provider);
        routes.join(contexts);
    }

    @AfterEach
    void close() {
        contexts.close();
    }

    static Stream<Arguments> chains() {
        return Stream.of(
                chain("in order", List.of(LEAF, INTERMEDIATE, ROOT), LEAF, INTERMEDIATE, ROOT),
                chain("an unrelated one", List.of(ALONE, ROOT), ALONE),
                chain("one twice", List.of(LEAF_OF_ROOT, ROOT, ROOT), LEAF_OF_ROOT, ROOT),
                chain("the leaf twice", List.of(ALONE, ALONE), ALONE),
                chain("out of order", List.of(LEAF, ROOT, INTERMEDIATE), LEAF, INTERMEDIATE, ROOT),
                chain("without the issuer", List.of(LEAF, ROOT), LEAF),
                chain("an issuer renewed", List.of(LEAF, INTERMEDIATE_BEFORE, INTERMEDIATE), LEAF, INTERMEDIATE));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("chains")
    void aChainThatIsNotInOrderIsServedInOrder(String mistake, List<X509Bundle> chain, List<X509Bundle> sent) {
        // Given
        Certificate mistaken = new Certificate("ns/a", pem(chain), key(chain.getFirst()));
        // When
        serve(mistaken, healthy);
        // Then
        assertThat(presented(HOST))
                .as(mistake)
                .isEqualTo(sent.stream().map(X509Bundle::getCertificate).toList());
        assertThat(subject(HEALTHY)).isEqualTo("CN=" + HEALTHY);
        assertThat(unusable()).isZero();
    }

    @Test
    void aCertificateThatCannotBeLoadedCostsOnlyItsOwnHost() {
        // Given
        Certificate garbage = new Certificate("ns/a", "no certificate", SecretBytes.ofText("no key"));
        // When
        serve(garbage, healthy);
        // Then
        assertThat(subject(HOST)).isEqualTo(DEFAULT);
        assertThat(subject(HEALTHY)).isEqualTo("CN=" + HEALTHY);
        assertThat(unusable()).isOne();
    }

    @Test
    void theCertificateBeforeIsServedUntilOneCanBeLoaded() {
        // Given
        Certificate before = certificate("ns/a", ALONE);
        Certificate unreadable = new Certificate("ns/a", pem(List.of(ALONE)), SecretBytes.ofText("no key"));
        Certificate after = certificate("ns/a", LEAF);
        // When
        List<String> served = new ArrayList<>();
        for (Certificate next : List.of(before, unreadable, unreadable, after)) {
            serve(next, healthy);
            served.add(presented(HOST).getFirst().getIssuerX500Principal() + ", unusable " + unusable());
        }
        // Then
        assertThat(served)
                .containsExactly(
                        "CN=a.test, unusable 0",
                        "CN=a.test, unusable 1",
                        "CN=a.test, unusable 1",
                        "CN=Intermediate, unusable 0");
    }

    @Test
    void aCertificateThatNeverLoadedIsForgottenWithItsSecret() {
        // Given
        Certificate garbage = new Certificate("ns/a", "no certificate", SecretBytes.ofText("no key"));
        serve(garbage, healthy);
        serve(garbage, healthy);
        // When
        serve(healthy);
        // Then
        assertThat(subject(HEALTHY)).isEqualTo("CN=" + HEALTHY);
        assertThat(unusable()).isZero();
    }

    private void serve(Certificate... certificates) {
        List<VirtualHost> hosts = Arrays.stream(certificates)
                .map(each -> new VirtualHost(
                        new HostPattern(each.id().equals("ns/a") ? HOST : HEALTHY), each.id(), List.of()))
                .toList();
        routes.swap(
                new TableVersion(++version, "0".repeat(64)),
                RouteTable.of(hosts, List.of(), List.of(), List.of(certificates)));
    }

    private int unusable() {
        return (int) registry.get("holdfast.certificates.unusable").gauge().value();
    }

    private String subject(String host) {
        return presented(host).getFirst().getSubjectX500Principal().getName();
    }

    /** Shakes hands in memory; what the server sent. */
    private List<X509Certificate> presented(String host) {
        EmbeddedChannel server = new EmbeddedChannel(contexts.newHandler(host, ByteBufAllocator.DEFAULT));
        try {
            SslContext trusting = SslContextBuilder.forClient()
                    .sslProvider(SslProvider.JDK)
                    .trustManager(InsecureTrustManagerFactory.INSTANCE)
                    .build();
            SslHandler handler = trusting.newHandler(ByteBufAllocator.DEFAULT, host, 443);
            EmbeddedChannel client = new EmbeddedChannel(handler);
            try {
                for (int i = 0;
                        i < ROUND_TRIPS_MAX && !handler.handshakeFuture().isDone();
                        i++) {
                    move(client, server);
                    move(server, client);
                }
                assertThat(handler.handshakeFuture().isSuccess())
                        .as("shook hands: %s", handler.handshakeFuture().cause())
                        .isTrue();
                return Arrays.stream(handler.engine().getSession().getPeerCertificates())
                        .map(X509Certificate.class::cast)
                        .toList();
            } finally {
                client.finishAndReleaseAll();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            server.finishAndReleaseAll();
        }
    }

    private static void move(EmbeddedChannel from, EmbeddedChannel to) {
        for (Object message = from.readOutbound(); message != null; message = from.readOutbound()) {
            to.writeInbound(message);
        }
    }

    private static Arguments chain(String mistake, List<X509Bundle> chain, X509Bundle... sent) {
        return Arguments.of(mistake, chain, List.of(sent));
    }

    private static Certificate certificate(String id, X509Bundle bundle) {
        return new Certificate(id, bundle.getCertificatePEM(), key(bundle));
    }

    private static String pem(List<X509Bundle> chain) {
        return chain.stream().map(X509Bundle::getCertificatePEM).collect(Collectors.joining("\n"));
    }

    private static SecretBytes key(X509Bundle bundle) {
        return SecretBytes.ofText(bundle.getPrivateKeyPEM());
    }

    private static X509Bundle authority(String subject, @Nullable X509Bundle issuer) {
        return built(new CertificateBuilder().ecp256().subject(subject).setIsCertificateAuthority(true), issuer);
    }

    private static X509Bundle leaf(String host, @Nullable X509Bundle issuer) {
        CertificateBuilder builder =
                new CertificateBuilder().ecp256().subject("CN=" + host).addSanDnsName(host);
        return built(builder.setIsCertificateAuthority(issuer == null), issuer);
    }

    private static X509Bundle built(CertificateBuilder builder, @Nullable X509Bundle issuer) {
        try {
            return issuer == null ? builder.buildSelfSigned() : builder.buildIssuedBy(issuer);
        } catch (Exception e) {
            throw new IllegalStateException("no certificate for the test", e);
        }
    }
}

package dev.holdfast.dataplane.proxy.forwarded;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.Allocation;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpVersion;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is believed, and what the backend is told. */
class ForwardedMatrixTest {
    private static final TrustedProxies TRUSTED =
            new TrustedProxies(Stream.of("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48")
                    .map(Cidr::parse)
                    .toList());

    private static HttpHeaders headers(String... fields) {
        HttpHeaders headers = new DefaultHttpHeaders();
        for (int i = 0; i < fields.length; i += 2) {
            headers.add(fields[i], fields[i + 1]);
        }
        return headers;
    }

    private static HttpHeaders forwarded(String peer, HttpHeaders headers) throws UnknownHostException {
        InetAddress address = InetAddress.getByName(peer);
        boolean trusted = TRUSTED.isTrusted(address);
        ForwardedFields.apply(
                headers,
                new ClientInfo(
                        new InetSocketAddress(address, 40_000),
                        trusted,
                        TRUSTED.client(address, headers),
                        TrustedProxies.scheme(Scheme.HTTP, trusted, headers),
                        8080,
                        "a.test:81",
                        "a.test",
                        null,
                        TrustedProxies.requestId(trusted, headers)));
        return headers;
    }

    @ParameterizedTest
    @CsvSource({
        "10.1.2.3, true",
        "11.0.0.1, false",
        "192.0.2.7, true",
        "192.0.2.8, false",
        "2001:db8:1:ffff::1, true",
        "2001:db8:2::1, false",
        "::ffff:10.1.2.3, true",
        "::1, false"
    })
    void aPeerIsTrustedByItsBlock(String peer, boolean trusted) throws UnknownHostException {
        // When
        boolean believed = TRUSTED.isTrusted(InetAddress.getByName(peer));
        // Then
        assertThat(believed).isEqualTo(trusted);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10.0.0.1 | 203.0.113.9 | 203.0.113.9",
                "10.0.0.1 | 6.6.6.6, 203.0.113.9 | 203.0.113.9",
                "10.0.0.1 | 6.6.6.6, 203.0.113.9, 10.9.9.9 | 203.0.113.9",
                "10.0.0.1 | 10.0.0.3, 10.0.0.2 | 10.0.0.3",
                "10.0.0.1 | 203.0.113.9, evil.test | 10.0.0.1",
                "10.0.0.1 | evil.test, 203.0.113.9 | 203.0.113.9",
                "10.0.0.1 | [2001:db8::5] | 2001:db8:0:0:0:0:0:5",
                "10.0.0.1 | '' | 10.0.0.1",
                "203.0.113.1 | 6.6.6.6 | 203.0.113.1"
            })
    void theClientIsTheLastOneThatNoTrustedProxyIs(String peer, String said, String expected)
            throws UnknownHostException {
        // When
        InetAddress client = TRUSTED.client(InetAddress.getByName(peer), headers("X-Forwarded-For", said));
        // Then
        assertThat(client.getHostAddress()).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "X-Forwarded-For",
                "x_forwarded_for",
                "X-Forwarded_For",
                "X_FORWARDED-PROTO",
                "X-Forwarded-Prefix",
                "X_Real_IP",
                "X-Scheme",
                "X-Original-Forwarded-For",
                "X-Request-Id",
                "X_Request_ID",
                "Forwarded",
                "X-Forwarded-Client-Cert",
                "X_SSL_Client_Verify",
                "X-Client-Cert-Subject"
            })
    void whatAStrangerSaysIsGoneInEverySpelling(String name) throws UnknownHostException {
        // When
        HttpHeaders seen = forwarded("203.0.113.1", headers(name, "forged", "X-Other", "stays"));
        // Then
        assertThat(seen.entries()).noneMatch(field -> field.getValue().contains("forged"));
        assertThat(seen.get("X-Other")).isEqualTo("stays");
    }

    @Test
    void whatATrustedProxySaysStaysAndItIsAddedItself() throws UnknownHostException {
        // When
        HttpHeaders seen = forwarded(
                "10.0.0.1",
                headers(
                        "X-Forwarded-For", "203.0.113.9",
                        "X-Forwarded-Proto", "https",
                        "X-Forwarded-Host", "public.test",
                        "X-Forwarded-Port", "443",
                        "X-Request-ID", "trace-1",
                        "X_Forwarded_For", "6.6.6.6"));
        // Then
        assertThat(seen.getAll("X-Forwarded-For")).containsExactly("203.0.113.9, 10.0.0.1");
        assertThat(seen.get("X-Real-IP")).isEqualTo("203.0.113.9");
        assertThat(seen.get("X-Forwarded-Proto")).isEqualTo("https");
        assertThat(seen.get("X-Forwarded-Host")).isEqualTo("public.test");
        assertThat(seen.get("X-Forwarded-Port")).isEqualTo("443");
        assertThat(seen.get("X-Request-ID")).isEqualTo("trace-1");
        assertThat(seen.contains("X_Forwarded_For")).isFalse();
    }

    @Test
    void theHopsOfTheOlderFieldAreToldInForwardedToo() throws UnknownHostException {
        // When
        HttpHeaders seen = forwarded(
                "10.0.0.1",
                headers("X-Forwarded-For", "203.0.113.9, ,2001:db8::5", "X-Forwarded-For", "a \"b\",10.0.0.2"));
        // Then
        assertThat(seen.getAll("Forwarded"))
                .containsExactly("for=203.0.113.9, for=\"[2001:db8::5]\", for=\"a \\\"b\\\"\", for=10.0.0.2, "
                        + "for=10.0.0.1;host=\"a.test:81\";proto=http");
        assertThat(seen.getAll("X-Forwarded-For"))
                .containsExactly("203.0.113.9, ,2001:db8::5, a \"b\",10.0.0.2, 10.0.0.1");
    }

    @Test
    void manyHopsAreJoinedOnce() throws UnknownHostException {
        // Given
        HttpHeaders headers = headers("X-Forwarded-For", "1" + ",1".repeat(4_000));
        ClientInfo client = new ClientInfo(
                new InetSocketAddress(InetAddress.getByName("10.0.0.1"), 40_000),
                true,
                InetAddress.getByName("10.0.0.1"),
                Scheme.HTTP,
                8080,
                "a.test",
                "a.test",
                null,
                "id");
        // When
        long bytes = Allocation.of(() -> ForwardedFields.apply(headers, client));
        // Then
        assertThat(bytes).isLessThan(8 << 20);
        assertThat(headers.get("Forwarded").split(", ", -1))
                .hasSize(4_002)
                .startsWith("for=1", "for=1")
                .endsWith("for=1", "for=10.0.0.1;host=a.test;proto=http");
    }

    @Test
    void anIpv6PeerIsBracketedAndQuotedInForwardedAlone() throws UnknownHostException {
        // When
        HttpHeaders seen = forwarded("2001:db8:2::1", headers());
        // Then
        assertThat(seen.get("X-Forwarded-For")).isEqualTo("2001:db8:2::1");
        assertThat(seen.get("X-Real-IP")).isEqualTo("2001:db8:2::1");
        assertThat(seen.get("Forwarded")).isEqualTo("for=\"[2001:db8:2::1]\";host=\"a.test:81\";proto=http");
        assertThat(seen.get("X-Forwarded-Port")).isEqualTo("81");
    }

    @Test
    void anIdThatCouldForgeALogLineIsReplaced() {
        // Given
        HttpHeaders bad = headers("X-Request-ID", "a b=\"c\"");
        // When
        String id = TrustedProxies.requestId(true, bad);
        // Then
        assertThat(id).matches("[0-9a-f]{32}");
        assertThat(TrustedProxies.requestId(true, headers("X-Request-ID", "x".repeat(129))))
                .matches("[0-9a-f]{32}");
        assertThat(TrustedProxies.requestId(false, headers("X-Request-ID", "ok")))
                .matches("[0-9a-f]{32}");
    }

    @Test
    void fivePassesAreALoop() {
        // Given
        HttpHeaders headers = headers("Via", "1.1 elsewhere, 1.1 notholdfast");
        // When
        int passes = 0;
        while (!Via.isLoop(headers)) {
            Via.append(headers, HttpVersion.HTTP_1_1);
            passes++;
        }
        // Then
        assertThat(passes).isLessThanOrEqualTo(5);
        assertThat(List.of(headers.get("Via").split(", "))).startsWith("1.1 elsewhere", "1.1 notholdfast");
    }
}

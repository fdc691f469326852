package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.StreamEnd;
import dev.holdfast.dataplane.conformance.rig.Tables;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.SecretBytes;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Which route answers. */
class RoutingTest {
    private static final ProxyRig RIG = ProxyRig.start();

    @AfterAll
    static void stop() {
        RIG.close();
    }

    @Test
    @Conformance(value = "C11", rfc = "9110 §15.5.20")
    void aHostOfAnotherCertificateIsMisdirected() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(new Tables()
                    .forward("a.test", PathMatch.ALL, backend.port())
                    .certificate("a.test", certificate("a.test"))
                    .forward("b.test", PathMatch.ALL, backend.port())
                    .certificate("b.test", certificate("b.test"))
                    .build());

            // When
            Map<String, Integer> statuses = new LinkedHashMap<>();
            statuses.put("a, a", overTls("a.test", "a.test"));
            statuses.put("a, b", overTls("a.test", "b.test"));
            statuses.put("a, unknown", overTls("a.test", "unknown.test"));
            statuses.put("unknown, b", overTls("unknown.test", "b.test"));
            statuses.put("none, b", overTls(null, "b.test"));

            // Then
            assertThat(statuses)
                    .containsEntry("a, a", 200)
                    .containsEntry("a, b", 421)
                    .containsEntry("a, unknown", 404)
                    .containsEntry("unknown, b", 200)
                    .containsEntry("none, b", 200);
            assertThat(backend.requests()).hasSize(3);
        }
    }

    private static int overTls(@Nullable String serverName, String host) throws IOException {
        try (RawClient client = RawClient.tls(RIG.httpsPort(), serverName)) {
            return client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
                    .response()
                    .status();
        }
    }

    @Test
    @Conformance(value = "C27", rfc = "9112 §9.8")
    void theEndUnderTlsIsAnnounced() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(new Tables()
                    .forward("a.test", PathMatch.ALL, backend.port())
                    .certificate("a.test", certificate("a.test"))
                    .build());

            // When
            try (RawClient client = RawClient.tls(RIG.httpsPort(), "a.test")) {
                RawResponse response = client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                        .response();
                StreamEnd end = client.end();

                // Then
                assertThat(response.text()).isEqualTo("GET /");
                assertThat(end.how()).isEqualTo(StreamEnd.How.FIN);
            }
        }
    }

    static Certificate certificate(String host) throws Exception {
        X509Bundle bundle = new CertificateBuilder()
                .subject("CN=" + host)
                .addSanDnsName(host)
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        return new Certificate(
                "default/" + host, bundle.getCertificatePathPEM(), SecretBytes.ofText(bundle.getPrivateKeyPEM()));
    }

    @Test
    @Conformance(value = "C13", rfc = "9110 §4.2.3")
    void thePathMatchedIsThePathForwarded() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(new Tables()
                    .route("app.test", PathMatch.prefix("/admin"), new RouteAction.Reject(403, "closed"))
                    .forward("app.test", PathMatch.ALL, backend.port())
                    .build());

            // When
            Map<String, String> answers = new LinkedHashMap<>();
            for (String path : new String[] {
                "/admin", "/%61dmin", "/admi%6E/x", "/admin%2Fx", "/x%2F..%2Fadmin", "/x/%2e%2e/admin", "/Admin"
            }) {
                RawResponse response = RIG.ask("GET " + path + " HTTP/1.1\r\nHost: app.test\r\n\r\n");
                answers.put(path, response.status() == 200 ? response.text() : String.valueOf(response.status()));
            }

            // Then
            assertThat(answers)
                    .containsEntry("/admin", "403")
                    .containsEntry("/%61dmin", "403")
                    .containsEntry("/admi%6E/x", "403")
                    .containsEntry("/admin%2Fx", "GET /admin%2Fx")
                    .containsEntry("/x/%2e%2e/admin", "400")
                    .containsEntry("/Admin", "GET /Admin")
                    .hasEntrySatisfying(
                            "/x%2F..%2Fadmin", answer -> assertThat(answer).isIn("400", "GET /x%2F..%2Fadmin"));
        }
    }

    @Test
    @Conformance(value = "C14", rfc = "Gateway API HTTPRouteMatch")
    void exactWinsThenTheLongestWholeElementPrefix() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(new Tables()
                    .forward("app.test", PathMatch.prefix("/"), backend.port())
                    .route("app.test", PathMatch.prefix("/foo"), new RouteAction.Reject(451, "foo"))
                    .route("app.test", PathMatch.prefix("/foo/bar"), new RouteAction.Reject(452, "bar"))
                    .route("app.test", PathMatch.exact("/foo/bar"), new RouteAction.Reject(453, "exact"))
                    .build());

            // When
            Map<String, Integer> statuses = new LinkedHashMap<>();
            for (String path : new String[] {
                "/foo",
                "/foo/",
                "/foo/x",
                "/foobar",
                "/FOO",
                "/foo/bar",
                "/foo/bar/",
                "/foo/bar/x",
                "/foo/barx",
                "/x",
                "/foo/Bar",
                "/foo/BAR",
                "/Foo/bar"
            }) {
                statuses.put(path, statusOf("app.test", path));
            }

            // Then
            assertThat(statuses)
                    .containsEntry("/foo", 451)
                    .containsEntry("/foo/", 451)
                    .containsEntry("/foo/x", 451)
                    .containsEntry("/foobar", 200)
                    .containsEntry("/FOO", 200)
                    .containsEntry("/foo/bar", 453)
                    .containsEntry("/foo/bar/", 452)
                    .containsEntry("/foo/bar/x", 452)
                    .containsEntry("/foo/barx", 451)
                    .containsEntry("/x", 200)
                    .containsEntry("/foo/Bar", 451)
                    .containsEntry("/foo/BAR", 451)
                    .containsEntry("/Foo/bar", 200);
        }
    }

    @Test
    @Conformance(value = "C14", rfc = "Gateway API Hostname")
    void aWildcardIsOneLabel() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(new Tables()
                    .forward("*.foo.test", PathMatch.ALL, backend.port())
                    .build());

            // When
            Map<String, Integer> statuses = new LinkedHashMap<>();
            for (String host :
                    new String[] {"a.foo.test", "A.FOO.test", "a.foo.test:8080", "foo.test", "a.b.foo.test", "xfoo.test"
                    }) {
                statuses.put(host, statusOf(host, "/"));
            }

            // Then
            assertThat(statuses)
                    .containsEntry("a.foo.test", 200)
                    .containsEntry("A.FOO.test", 200)
                    .containsEntry("a.foo.test:8080", 200)
                    .containsEntry("foo.test", 404)
                    .containsEntry("a.b.foo.test", 404)
                    .containsEntry("xfoo.test", 404);
        }
    }

    private static int statusOf(String host, String path) throws IOException {
        return RIG.ask("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
                .status();
    }
}

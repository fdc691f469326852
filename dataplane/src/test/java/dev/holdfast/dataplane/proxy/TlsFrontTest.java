package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.VirtualHost;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.StringWriter;
import java.net.InetAddress;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPrivateKey;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.util.io.pem.PemObject;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TlsFrontTest {
    private Rig rig;
    private RawBackend backend;

    @BeforeEach
    void start() throws Exception {
        rig = Rig.start();
        backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    }

    @AfterEach
    void stop() {
        rig.close();
        backend.close();
    }

    @Test
    void eachHostPresentsItsCertificateWhateverTheFormOfItsKey() throws Exception {
        // Given
        X509Bundle rsa = bundle("a.test", CertificateBuilder.Algorithm.rsa2048);
        X509Bundle ec = bundle("b.test", CertificateBuilder.Algorithm.ecp256);
        // The writer prints an RSA key as PKCS#1; SEC1 as openssl writes it names the curve within the key.
        String pkcs1 = pem(rsa.getKeyPair());
        var number = ((ECPrivateKey) ec.getKeyPair().getPrivate()).getS();
        var sec1Key = new org.bouncycastle.asn1.sec.ECPrivateKey(256, number, X9ObjectIdentifiers.prime256v1);
        String sec1 = pem(new PemObject("EC PRIVATE KEY", sec1Key.getEncoded()));
        // When
        serve(certificate("ns/a", rsa, pkcs1), certificate("ns/b", ec, sec1));
        // Then
        assertThat(pkcs1).contains("BEGIN RSA PRIVATE KEY");
        assertThat(presented("a.test")).contains("CN=a.test");
        assertThat(presented("b.test")).contains("CN=b.test");
        assertThat(presented("unknown.test")).contains("CN=Holdfast Default Certificate");
    }

    @Test
    void aRotatedCertificateIsServedToNewConnectionsAndOldOnesStay() throws Exception {
        // Given
        X509Bundle b = bundle("b.test", CertificateBuilder.Algorithm.ecp256);
        Certificate other = certificate("ns/b", b, b.getPrivateKeyPEM());
        X509Bundle first = bundle("a.test", CertificateBuilder.Algorithm.ecp256);
        serve(certificate("ns/a", first, first.getPrivateKeyPEM()), other);
        try (RawClient open = connect("a.test")) {
            open.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            // When
            X509Bundle second = bundle("a.test", CertificateBuilder.Algorithm.ecp256);
            serve(certificate("ns/a", second, second.getPrivateKeyPEM()), other);
            // Then
            try (RawClient fresh = connect("a.test")) {
                assertThat(serial(fresh)).isEqualTo(second.getCertificate().getSerialNumber());
            }
            assertThat(open.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer())
                    .startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void aHostOfAnotherCertificateIsMisdirected() throws Exception {
        // Given
        X509Bundle a = bundle("a.test", CertificateBuilder.Algorithm.ecp256);
        X509Bundle b = bundle("b.test", CertificateBuilder.Algorithm.ecp256);
        serve(certificate("ns/a", a, a.getPrivateKeyPEM()), certificate("ns/b", b, b.getPrivateKeyPEM()));
        try (RawClient client = connect("a.test");
                RawClient unknown = connect("x.test")) {
            // When
            String other = client.send("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").answer();
            String nobody =
                    client.send("GET / HTTP/1.1\r\nHost: n.test\r\n\r\n").answer();
            String fallback =
                    unknown.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            // Then
            assertThat(other).startsWith("HTTP/1.1 421");
            assertThat(nobody).startsWith("HTTP/1.1 404");
            assertThat(fallback).startsWith("HTTP/1.1 200");
            assertThat(backend.requests.getLast()).contains("X-Forwarded-Proto: https");
        }
    }

    @Test
    void aKeyThatCannotBeReadCostsOnlyItsOwnHostItsNewCertificate() throws Exception {
        // Given
        X509Bundle a = bundle("a.test", CertificateBuilder.Algorithm.ecp256);
        X509Bundle b = bundle("b.test", CertificateBuilder.Algorithm.ecp256);
        X509Bundle renewed = bundle("b.test", CertificateBuilder.Algorithm.ecp256);
        serve(certificate("ns/a", a, a.getPrivateKeyPEM()), certificate("ns/b", b, b.getPrivateKeyPEM()));
        // When
        serve(certificate("ns/a", a, "no key"), certificate("ns/b", renewed, renewed.getPrivateKeyPEM()));
        // Then
        try (RawClient ofA = connect("a.test");
                RawClient ofB = connect("b.test")) {
            assertThat(serial(ofA)).isEqualTo(a.getCertificate().getSerialNumber());
            assertThat(serial(ofB)).isEqualTo(renewed.getCertificate().getSerialNumber());
        }
    }

    private void serve(Certificate a, Certificate b) {
        var route = List.of(Rig.route(RouteAction.Forward.to("u")));
        rig.serve(
                List.of(
                        new VirtualHost(new HostPattern("a.test"), a.id(), route),
                        new VirtualHost(new HostPattern("b.test"), b.id(), route)),
                List.of(a, b),
                backend);
    }

    private static X509Bundle bundle(String name, CertificateBuilder.Algorithm algorithm) throws Exception {
        return new CertificateBuilder()
                .algorithm(algorithm)
                .subject("CN=" + name)
                .addSanDnsName(name)
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
    }

    private static Certificate certificate(String id, X509Bundle bundle, String keyPem) {
        return new Certificate(id, bundle.getCertificatePEM(), SecretBytes.ofText(keyPem));
    }

    private static String pem(Object key) throws Exception {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
            writer.writeObject(key);
        }
        return text.toString();
    }

    private String presented(String sni) throws Exception {
        try (RawClient client = connect(sni)) {
            return leaf(client).getSubjectX500Principal().getName();
        }
    }

    private static java.math.BigInteger serial(RawClient client) throws Exception {
        return leaf(client).getSerialNumber();
    }

    private static X509Certificate leaf(RawClient client) throws Exception {
        return (X509Certificate) ((SSLSocket) client.socket).getSession().getPeerCertificates()[0];
    }

    private RawClient connect(String sni) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
        SSLSocket socket = (SSLSocket)
                context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), rig.proxy.httpsPort());
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setServerNames(List.of(new SNIHostName(sni)));
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return new RawClient(socket);
    }
}

package dev.holdfast.e2e.cluster;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** How the operators' table stream is reached by who is no data plane. */
final class TableStream {
    /** Where an operator's pod serves it. */
    static final int PORT = 9901;
    /** The name in the operators' certificates. */
    static final String SERVER = "holdfast-operator." + Release.NAMESPACE + ".svc";

    private static final int READ_MILLIS_MAX = 20_000;

    private TableStream() {}

    /** Trusts these CAs, in PEM, and no others. */
    static SSLContext trusting(String authorities) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        int count = 0;
        for (Certificate certificate : CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(authorities.getBytes(StandardCharsets.US_ASCII)))) {
            store.setCertificateEntry("ca-" + count++, certificate);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLSv1.3");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    /**
     * Connects to the operator that a port of loopback leads to.
     *
     * @throws javax.net.ssl.SSLException if it shows a certificate of none of these CAs, or of another name
     */
    static SSLSocket connect(SSLContext trust, int port) throws IOException {
        Socket plain = new Socket(InetAddress.getLoopbackAddress(), port);
        try {
            SSLSocket socket = (SSLSocket) trust.getSocketFactory().createSocket(plain, SERVER, port, true);
            socket.setSoTimeout(READ_MILLIS_MAX);
            SSLParameters tls = socket.getSSLParameters();
            tls.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(tls);
            socket.startHandshake();
            return socket;
        } catch (IOException e) {
            plain.close();
            throw e;
        }
    }
}

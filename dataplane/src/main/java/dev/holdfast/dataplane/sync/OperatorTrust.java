package dev.holdfast.dataplane.sync;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Believes who shows a certificate of a CA in a file, for one of the operator's names. The file is read at each
 * handshake, so that a rotation needs no restart and touches no open stream. The name is the one in the configuration,
 * not the address of the replica that was chosen. Thread-safe.
 */
final class OperatorTrust extends X509ExtendedTrustManager {
    private static final Logger LOG = LoggerFactory.getLogger(OperatorTrust.class);
    private static final long BUNDLE_BYTES_MAX = 256 << 10;
    private static final int DNS_NAME = 2;
    private static final int IP_ADDRESS = 7;

    private final Path file;
    private final Set<String> names;
    private byte[] bundle = new byte[0];
    private @Nullable X509TrustManager trust;

    OperatorTrust(Path file, Set<String> names) {
        this.file = file;
        this.names = names;
    }

    /** A context that asks this for every connection: a session that is resumed would show no certificate. */
    SSLContext context() {
        try {
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(null, new TrustManager[] {this}, null);
            context.getClientSessionContext().setSessionTimeout(1);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK has no TLS 1.3", e);
        }
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        trust().checkServerTrusted(chain, authType);
        if (!isForName(chain[0])) {
            throw new CertificateException("the operator's certificate is for another name (expected: one of " + names
                    + "; the operator's --stream-dns-names)");
        }
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        checkServerTrusted(chain, authType);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        checkServerTrusted(chain, authType);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        throw new CertificateException("no client is known by a certificate");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        checkClientTrusted(chain, authType);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        checkClientTrusted(chain, authType);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return new X509Certificate[0];
    }

    private boolean isForName(X509Certificate certificate) throws CertificateException {
        Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
        if (alternatives == null) {
            return false;
        }
        for (List<?> alternative : alternatives) {
            Object type = alternative.get(0);
            boolean name = Integer.valueOf(DNS_NAME).equals(type)
                    || Integer.valueOf(IP_ADDRESS).equals(type);
            if (name && names.contains(String.valueOf(alternative.get(1)).toLowerCase(Locale.ROOT))) {
                return true;
            }
        }
        return false;
    }

    /** Trust by the file as it is now; while it cannot be read, as it was. */
    private synchronized X509TrustManager trust() throws CertificateException {
        X509TrustManager known = trust;
        try {
            byte[] now = read();
            if (known != null && Arrays.equals(now, bundle)) {
                return known;
            }
            X509TrustManager read = trust(now);
            bundle = now;
            trust = read;
            LOG.info("operator CA read file={}", file);
            return read;
        } catch (IOException | GeneralSecurityException | ArrayIndexOutOfBoundsException e) {
            // The last is what JDK 25 throws at an Ed25519 key without a single byte.
            if (known == null) {
                throw new CertificateException(
                        "--operator-ca: " + file + " (expected: certificates in PEM; " + e.getMessage() + ")", e);
            }
            LOG.warn("operator CA not read again file={} because=\"{}\"", file, e.toString());
            return known;
        }
    }

    private byte[] read() throws IOException {
        if (Files.size(file) > BUNDLE_BYTES_MAX) {
            throw new IOException("it has more than " + BUNDLE_BYTES_MAX + " bytes");
        }
        return Files.readAllBytes(file);
    }

    private static X509TrustManager trust(byte[] pem) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        int count = 0;
        for (Certificate certificate :
                CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem))) {
            store.setCertificateEntry("ca-" + count++, certificate);
        }
        if (count == 0) {
            throw new CertificateException("there is none in it");
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509TrustManager found) {
                return found;
            }
        }
        throw new GeneralSecurityException("this JDK has no PKIX trust manager");
    }
}

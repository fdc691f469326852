package dev.holdfast.e2e.overload;

import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.wire.TableDigester;
import dev.holdfast.routetable.wire.WireCodec;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A table of hosts, each with one backend on loopback, stored as a data plane's last known good. */
public final class ServedTable {
    private final List<VirtualHost> hosts = new ArrayList<>();
    private final List<Upstream> upstreams = new ArrayList<>();
    private final List<EndpointGroup> groups = new ArrayList<>();
    private final List<Certificate> certificates = new ArrayList<>();

    /** A host that is served in the clear too, and over TLS. */
    public ServedTable host(String host, int port) throws Exception {
        if (certificates.isEmpty()) {
            X509Bundle bundle = new CertificateBuilder()
                    .subject("CN=overload.test")
                    .addSanDnsName("overload.test")
                    .ecp256()
                    .setIsCertificateAuthority(true)
                    .buildSelfSigned();
            certificates.add(new Certificate(
                    "c", bundle.getCertificatePathPEM(), SecretBytes.ofText(bundle.getPrivateKeyPEM())));
        }
        return host(host, port, Timeouts.DEFAULT, "c");
    }

    /** A host that is served in the clear. */
    public ServedTable host(String host, int port, Timeouts timeouts) {
        return host(host, port, timeouts, null);
    }

    private ServedTable host(
            String host, int port, Timeouts timeouts, @org.jspecify.annotations.Nullable String certificate) {
        RouteAction action = new RouteAction.Forward(
                List.of(new RouteAction.WeightedUpstream(host, 1)),
                Rewrite.NONE,
                HeaderChanges.NONE,
                HeaderChanges.NONE,
                timeouts);
        Route route =
                new Route(host, new Route.Owner("Ingress", "ns", host), RouteMatch.ALL, action, Route.Plaintext.SERVE);
        hosts.add(new VirtualHost(new HostPattern(host), certificate, List.of(route)));
        upstreams.add(new Upstream(host, host, null, Balancing.DEFAULT));
        groups.add(new EndpointGroup(host, List.of(EndpointGroup.Endpoint.ready("127.0.0.1", port))));
        return this;
    }

    /** Stores it; returns the directory. */
    public Path store(Path directory) throws IOException {
        RouteTable table = RouteTable.of(hosts, upstreams, groups, certificates);
        FullTable update = new FullTable(new TableVersion(1, new TableDigester().digest(table)), table);
        Files.write(Files.createDirectories(directory).resolve("last-known-good.json"), WireCodec.encode(update));
        return directory;
    }
}

package dev.holdfast.operator;

import dev.holdfast.operator.channel.ChannelConfig;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the table stream is served, and who may follow it. */
final class ChannelFlags {
    @Option(
            names = "--stream-address",
            defaultValue = "127.0.0.1",
            paramLabel = "ADDRESS",
            description = {
                "Address of the table stream; in a pod 0.0.0.0. Default: ${DEFAULT-VALUE}.",
                "Beyond loopback only with --data-plane-service-account."
            })
    private String address = "127.0.0.1";

    @Option(
            names = "--stream-port",
            defaultValue = "9901",
            paramLabel = "PORT",
            description = "Port of the table stream; 0 takes any free one. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--data-plane-service-account",
            paramLabel = "NAMESPACE/NAME",
            description = {
                "Serve the table stream by TLS, and to pods of this ServiceAccount only.",
                "Default: plain HTTP on loopback, to whoever is on this machine."
            })
    private @Nullable String serviceAccount;

    @Option(
            names = "--stream-audience",
            defaultValue = ChannelConfig.Peers.AUDIENCE,
            paramLabel = "AUDIENCE",
            description = "What the tokens of data planes must be made for. Default: ${DEFAULT-VALUE}.")
    private String audience = ChannelConfig.Peers.AUDIENCE;

    @Option(
            names = "--stream-dns-names",
            split = ",",
            paramLabel = "NAME",
            description = "Names in the certificate. Default: holdfast-operator.NAMESPACE.svc.")
    private List<String> dnsNames = List.of();

    @Option(
            names = "--stream-ca-namespace",
            paramLabel = "NAME",
            description = "Where the CA and its bundle are kept. Default: the pod's namespace.")
    private @Nullable String namespace;

    @Option(
            names = "--stream-ca-secret",
            defaultValue = "holdfast-stream-ca",
            paramLabel = "NAME",
            description = "The Secret that holds the CA, with its key. Default: ${DEFAULT-VALUE}.")
    private String secret = "holdfast-stream-ca";

    @Option(
            names = "--stream-ca-configmap",
            defaultValue = "holdfast-stream-ca",
            paramLabel = "NAME",
            description = "The ConfigMap whose ca.crt data planes trust. Default: ${DEFAULT-VALUE}.")
    private String configMap = "holdfast-stream-ca";

    InetSocketAddress listen() {
        InetSocketAddress listen = new InetSocketAddress(address, OperatorMain.port("--stream-port", port));
        if (listen.isUnresolved()) {
            throw new IllegalArgumentException(
                    "--stream-address: " + address + " (expected: an address of this machine)");
        }
        return listen;
    }

    /** Null without {@code --data-plane-service-account}: then the stream stays on loopback. */
    @Nullable
    ChannelConfig config(String podNamespace) {
        String peers = serviceAccount;
        if (peers == null) {
            return null;
        }
        String home = Objects.requireNonNullElse(namespace, podNamespace);
        return new ChannelConfig(
                listen(),
                dnsNames.isEmpty() ? List.of("holdfast-operator." + podNamespace + ".svc") : dnsNames,
                ChannelConfig.Peers.parse(peers, audience),
                new ChannelConfig.Authority(home, secret, configMap, ChannelConfig.Lifetimes.DEFAULT));
    }

    /** The stream without TLS; refuses an address beyond loopback. */
    OperatorConfig plain(OperatorConfig defaults) {
        InetSocketAddress own = listen();
        InetAddress loopback = InetAddress.getLoopbackAddress();
        boolean guarded = serviceAccount != null;
        return defaults.withStream(
                defaults.stream().listeningOn(guarded ? new InetSocketAddress(loopback, own.getPort()) : own));
    }
}

package dev.holdfast.dataplane.proxy.forwarded;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/** The client's end of a connection: what a PROXY header said of it, else the peer of the socket. */
public final class ClientAddress {
    private static final AttributeKey<InetSocketAddress> TOLD = AttributeKey.valueOf(ClientAddress.class, "told");

    private ClientAddress() {}

    /** The client's end; null when the connection has ended. */
    public static @Nullable InetSocketAddress of(Channel channel) {
        if (channel.hasAttr(TOLD)) {
            return channel.attr(TOLD).get();
        }
        return channel.remoteAddress() instanceof InetSocketAddress peer ? peer : null;
    }

    static void tell(Channel channel, InetSocketAddress client) {
        channel.attr(TOLD).set(client);
    }
}

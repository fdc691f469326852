package dev.holdfast.dataplane.proxy.forwarded;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.handler.codec.haproxy.HAProxyProxiedProtocol.AddressFamily;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connections of load balancers that pass TCP on and begin each with a header that names the client: the PROXY protocol,
 * versions 1 and 2 (haproxy.org, proxy-protocol.txt). Only the peers that are named speak it, and they must: anybody else
 * could name any client, and the protocol forbids to guess (section 2). The header is bounded by the decoder, 108 bytes or
 * some 4 KiB, and by the time for a request head or a TLS handshake. Thread-safe.
 */
public final class ProxyProtocol {
    private static final Logger LOG = LoggerFactory.getLogger(ProxyProtocol.class);
    /** Room for what a load balancer adds: its own ids, the name of a TLS client. */
    private static final int TLV_BYTES_MAX = 4 << 10;

    private static final long COMPLAINT_NANOS = Duration.ofMinutes(1).toNanos();

    private final List<Cidr> speakers;
    private final Counter refused;
    private final AtomicLong complainedNanos = new AtomicLong(System.nanoTime() - COMPLAINT_NANOS);

    /** Expects a header of peers in these blocks. */
    public ProxyProtocol(List<Cidr> speakers, MeterRegistry registry) {
        this.speakers = List.copyOf(speakers);
        this.refused = Counter.builder("holdfast.proxy.protocol.refused")
                .description(
                        "Connections of --proxy-protocol-from that were closed because they began with no valid PROXY header")
                .register(registry);
    }

    /** Reads the header of a new connection first, if its peer is one that sends it; call before other handlers are added. */
    public void install(Channel channel) {
        if (!speakers.isEmpty()
                && channel.remoteAddress() instanceof InetSocketAddress peer
                && Cidr.anyContains(speakers, peer.getAddress())) {
            channel.pipeline().addLast(new HAProxyMessageDecoder(TLV_BYTES_MAX), new HeaderHandler());
        }
    }

    private void refuse(Channel channel, Throwable cause) {
        refused.increment();
        long now = System.nanoTime();
        long last = complainedNanos.get();
        if (now - last >= COMPLAINT_NANOS && complainedNanos.compareAndSet(last, now)) {
            LOG.warn(
                    "connections closed peer={} because=\"{}\" (expected: a PROXY header first, as --proxy-protocol-from says of"
                            + " this peer; is the PROXY protocol on at the load balancer?)",
                    channel.remoteAddress(),
                    cause.getMessage());
        }
        channel.close();
    }

    /** Keeps what the header says, and leaves; what follows it is as if it had come first. */
    private final class HeaderHandler extends ChannelInboundHandlerAdapter {
        private boolean isRefused;

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (!(message instanceof HAProxyMessage header)) {
                ctx.fireChannelRead(message);
                return;
            }
            try {
                InetSocketAddress client = client(header);
                if (client != null) {
                    ClientAddress.tell(ctx.channel(), client);
                }
            } finally {
                header.release();
            }
            ctx.pipeline().remove(this);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            // The decoder says it once more when the connection ends.
            if (!isRefused) {
                isRefused = true;
                refuse(ctx.channel(), cause);
            }
        }
    }

    /** Null for a connection of the load balancer's own, and for a client without an IP address: then the peer stands for it. */
    private static @Nullable InetSocketAddress client(HAProxyMessage header) {
        AddressFamily family = header.proxiedProtocol().addressFamily();
        boolean ip = family == AddressFamily.AF_IPv4 || family == AddressFamily.AF_IPv6;
        if (header.command() != HAProxyCommand.PROXY || !ip) {
            return null;
        }
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(header.sourceAddress());
        return address == null ? null : new InetSocketAddress(address, header.sourcePort());
    }
}

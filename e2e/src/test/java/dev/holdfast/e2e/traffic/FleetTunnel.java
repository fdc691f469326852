package dev.holdfast.e2e.traffic;

import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler.ClientHandshakeStateEvent;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** One tunnel of a fleet. A message is its number, its tunnel, its length, and a body that follows from them. */
final class FleetTunnel extends SimpleChannelInboundHandler<WebSocketFrame> {
    private static final int HEAD_BYTES = 16;
    private static final int OUTSTANDING_MAX = 8;

    private final int id;
    private final TunnelFleet.Counters counters;
    private final CountDownLatch opened;
    private final Duration pace;
    private long sent;
    private long back;
    private boolean open;
    private boolean counted;

    FleetTunnel(int id, TunnelFleet.Counters counters, CountDownLatch opened, Duration pace) {
        this.id = id;
        this.counters = counters;
        this.opened = opened;
        this.pace = pace;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event == ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) {
            open = true;
            counters.open.incrementAndGet();
            opened.countDown();
            // Spread over the pace, so that a thousand tunnels do not speak at one instant.
            long first = Math.floorMod(id * 7919L, pace.toMillis());
            context.executor().schedule(() -> send(context), first, TimeUnit.MILLISECONDS);
        }
    }

    private void send(ChannelHandlerContext context) {
        if (counters.ending || !open) {
            return;
        }
        if (sent - back < OUTSTANDING_MAX) {
            byte[] message = message(sent);
            sent++;
            counters.bytesSent.addAndGet(message.length);
            context.writeAndFlush(new BinaryWebSocketFrame(
                    context.alloc().buffer(message.length).writeBytes(message)));
        }
        context.executor().schedule(() -> send(context), pace.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
        if (frame instanceof CloseWebSocketFrame close) {
            ended("close frame " + close.statusCode() + " " + close.reasonText());
            return;
        }
        byte[] message = ByteBufUtil.getBytes(frame.content());
        if (Arrays.equals(message, message(back))) {
            counters.bytesBack.addAndGet(message.length);
            counters.messages.incrementAndGet();
        } else {
            counters.bytesWrong.addAndGet(message.length);
        }
        back++;
    }

    /** Made apart from Netty's buffers: their leak detector notes a stack at every call, and so at every octet. */
    private byte[] message(long number) {
        int length = length(number);
        byte[] message = new byte[length];
        ByteBuffer.wrap(message).putLong(number).putInt(id).putInt(length);
        for (int i = HEAD_BYTES; i < length; i++) {
            message[i] = body(number, i);
        }
        return message;
    }

    private int length(long number) {
        return HEAD_BYTES + (int) Math.floorMod(number * 31 + id * 17L, 700L);
    }

    private byte body(long number, int index) {
        return (byte) (number * 131 + id * 31L + index * 7L);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        ended("connection closed");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        ended(cause.toString());
        context.close();
    }

    private void ended(String how) {
        if (open) {
            open = false;
            counters.open.decrementAndGet();
        }
        if (!counters.ending && !counted) {
            counted = true;
            counters.drops.incrementAndGet();
            counters.firstDrop.compareAndSet(null, "tunnel " + id + ": " + how);
        }
    }
}

package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.telemetry.DirectionCounters;
import dev.holdfast.dataplane.proxy.transport.HalfClosingEpollHandler;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.NotYetConnectedException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One direction from socket to socket, without Netty's channels: one receive into the buffer of the event loop, one send.
 * It holds bytes of its own only while the sink is full, and reads nothing then. It owns the source's descriptor: nobody
 * else reads, writes or closes it.
 */
final class DirectRelay implements Relay, EpollIoHandle {
    private static final Logger LOG = LoggerFactory.getLogger(DirectRelay.class);
    private static final EpollIoOps READS = EpollIoOps.EPOLLIN;
    private static final EpollIoOps READS_AND_WRITES = READS.with(EpollIoOps.EPOLLOUT);
    /** Edge-triggered: while nothing is read, a peer that is gone would be reported without end. */
    private static final EpollIoOps PAUSES = EpollIoOps.EPOLLET;

    private static final EpollIoOps WRITES = PAUSES.with(EpollIoOps.EPOLLOUT);

    private static final int ERROR = EpollIoOps.EPOLLERR.value();
    private static final int WRITABLE = EpollIoOps.EPOLLOUT.value();
    private static final int PEER_ENDED = EpollIoOps.EPOLLRDHUP.value();

    private final RelayedTunnel tunnel;
    private final Socket source;
    private final FrameTracker tracker;
    private final DirectionCounters counters;
    private final RelayScratch scratch;
    private @Nullable DirectRelay opposite;
    private @Nullable IoRegistration registration;
    private EpollIoOps awaited = READS;
    private long bytes;
    /** What the sink has not taken yet. */
    private @Nullable ByteBuf held;
    /** Our Close, while a frame of the source is under way. */
    private @Nullable CloseFrame word;
    /** Our Close, until the kernel has all of it. */
    private @Nullable CloseFrame unsaid;
    /** The source has ended its stream. */
    private boolean ended;
    /** Nothing more is relayed: our Close was the last word, or the stream towards the sink is to end. */
    private boolean silenced;

    private boolean finBegun;
    private boolean finDone;
    private boolean closed;
    /** Why the sink takes nothing any more, until that has been acted upon. */
    private @Nullable Exception sinkFailure;

    private DirectRelay(RelayedTunnel tunnel, Socket source, RelayHandler before) {
        this.tunnel = tunnel;
        this.source = source;
        this.tracker = before.tracker();
        this.counters = tracker.counters();
        this.bytes = before.bytes();
        this.scratch = RelayScratch.ofLoop();
    }

    /**
     * Takes the sockets of a tunnel out of their channels, which are dead from then on. Both must be quiet, see {@link
     * RelayHandler#isQuiet}. Call on their event loop, outside the handling of their events.
     *
     * @return the direction from the client, then the one from the backend; null if the sockets are not both epoll's
     */
    static DirectRelay @Nullable [] takeOver(RelayedTunnel tunnel, RelayHandler fromClient, RelayHandler fromBackend) {
        Socket client = fromClient.socket();
        Socket backend = fromBackend.socket();
        if (client == null || backend == null) {
            return null;
        }
        DirectRelay up = new DirectRelay(tunnel, client, fromClient);
        DirectRelay down = new DirectRelay(tunnel, backend, fromBackend);
        up.opposite = down;
        down.opposite = up;
        up.registration = HalfClosingEpollHandler.takeOver(client, up);
        if (up.registration == null) {
            return null;
        }
        down.registration = HalfClosingEpollHandler.takeOver(backend, down);
        if (down.registration == null) {
            throw new IllegalStateException("tunnel: its sockets belong to two event loops (expected: to one)");
        }
        return new DirectRelay[] {up, down};
    }

    private DirectRelay opposite() {
        DirectRelay other = opposite;
        if (other == null) {
            throw new IllegalStateException("used before it is complete");
        }
        return other;
    }

    private Socket sink() {
        return opposite().source;
    }

    @Override
    public FileDescriptor fd() {
        return source;
    }

    /** Whatever goes wrong, memory that is used up among it, ends this tunnel and no other of the loop. */
    @Override
    public void handle(IoRegistration ignored, IoEvent event) {
        try {
            handle(((EpollIoEvent) event).ops().value());
        } catch (RuntimeException e) {
            // Before the words, which may need more memory than there is.
            tunnel.failed(this, e);
            LOG.warn("event=relay_failed", e);
        } catch (Error e) {
            // Out of memory it may be one of thousands: a line each, not a trace.
            tunnel.failed(this, e);
            LOG.warn("event=relay_failed because=\"{}\"", e.toString());
        }
    }

    private void handle(int ops) {
        if ((ops & (WRITABLE | ERROR)) != 0) {
            opposite().sendHeld();
            opposite().failIfSinkBroke();
        }
        if (closed || (ops & ~WRITABLE) == 0) {
            return;
        }
        if (isReading()) {
            read();
            if ((ops & PEER_ENDED) != 0 && isReading()) {
                // The end is there too, or will be soon: no need to be told of it once more.
                read();
            }
            failIfSinkBroke();
        } else if ((ops & ERROR) != 0) {
            tunnel.failed(this, null);
        }
    }

    private boolean isReading() {
        return !ended && !closed && held == null && sinkFailure == null;
    }

    private void read() {
        int length;
        try {
            length = source.recvAddress(scratch.address(), 0, scratch.receiveBytesMax());
        } catch (IOException | NotYetConnectedException e) {
            tunnel.failed(this, e);
            return;
        }
        if (length > 0) {
            relay(scratch.received(length));
        } else if (length < 0) {
            ended = true;
            await();
            tunnel.ended(this);
        }
    }

    private void failIfSinkBroke() {
        Exception failure = sinkFailure;
        if (failure != null) {
            sinkFailure = null;
            opposite().readRest();
            tunnel.failed(opposite(), failure);
        }
    }

    /** Reads what the source's peer sent before its connection broke: its Close may be among it. */
    private void readRest() {
        try {
            int length = 1;
            while (length > 0 && isReading()) {
                length = source.recvAddress(scratch.address(), 0, scratch.receiveBytesMax());
                if (length > 0) {
                    relay(scratch.received(length));
                }
            }
        } catch (IOException | NotYetConnectedException e) {
            // That it broke is known. After a failed send it may look like an orderly end, too.
        }
    }

    private void relay(ByteBuf received) {
        if (!silenced) {
            // What nobody gets keeps no tunnel alive.
            tunnel.touch();
        }
        boolean closeKnown = tracker.closeSeen();
        CloseFrame pending = word;
        if (silenced) {
            tracker.follow(received);
        } else if (pending != null) {
            relayThenSay(received, pending);
        } else {
            tracker.follow(received);
            forward(received, received.readableBytes());
        }
        if (!closeKnown && tracker.closeSeen() && !closed && sinkFailure == null) {
            tunnel.closeSeen(this, tracker.closeCode());
        }
    }

    private void relayThenSay(ByteBuf received, CloseFrame pending) {
        int whole = tracker.followToBoundary(received);
        if (!tracker.atBoundary()) {
            if (tracker.lost()) {
                word = null;
            }
            forward(received, received.readableBytes());
            return;
        }
        forward(received, whole);
        if (!tracker.closeSeen() && !closed) {
            inject(pending);
        }
        tracker.follow(received.readerIndex(whole));
    }

    /** Relays the first bytes of the scratch. */
    private void forward(ByteBuf received, int length) {
        bytes += length;
        counters.relayed(length);
        int sent = 0;
        if (held == null) {
            try {
                sent = sink().sendAddress(scratch.address(), 0, length);
            } catch (IOException | NotYetConnectedException e) {
                sinkFailure = e;
                return;
            }
        }
        if (sent < length) {
            hold(received, sent, length - sent);
        }
    }

    private void hold(ByteBuf from, int index, int length) {
        ByteBuf queue = held;
        if (queue == null) {
            queue = ByteBufAllocator.DEFAULT.directBuffer(length);
            held = queue;
            counters.paused();
            await();
            opposite().await();
        }
        queue.writeBytes(from, index, length);
        held(length);
    }

    /** The sink takes bytes again, or is broken. */
    private void sendHeld() {
        ByteBuf queue = held;
        if (queue == null) {
            return;
        }
        int sent = send(queue);
        if (sent > 0) {
            tunnel.touch();
            held(-sent);
        }
        if (sent >= 0 && !queue.isReadable()) {
            held = null;
            counters.resumed();
            queue.release();
            allSent();
            await();
            opposite().await();
        }
    }

    /** Sends what the socket takes and moves the reader index; -1 if the connection broke over it. */
    private int send(ByteBuf queue) {
        ByteBuffer view = queue.internalNioBuffer(queue.readerIndex(), queue.readableBytes());
        try {
            int sent = sink().send(view, view.position(), view.limit());
            queue.skipBytes(sent);
            return sent;
        } catch (IOException | NotYetConnectedException e) {
            sinkFailure = e;
            return -1;
        }
    }

    private void allSent() {
        CloseFrame frame = unsaid;
        if (frame != null) {
            unsaid = null;
            tunnel.said(this, frame);
        }
        if (finBegun && !finDone) {
            shutdownSink();
        }
    }

    /** Waits for what both directions need of the source: its bytes for this one, room for the other's. */
    private void await() {
        if (closed) {
            return;
        }
        boolean writes = opposite().held != null;
        EpollIoOps wanted = isReading() ? writes ? READS_AND_WRITES : READS : writes ? WRITES : PAUSES;
        IoRegistration place = registration;
        if (!wanted.equals(awaited) && place != null) {
            awaited = wanted;
            place.submit(wanted);
        }
    }

    @Override
    public void readComplete() {
        // Every receive is sent and counted at once.
    }

    @Override
    public void say(CloseFrame frame) {
        if (silenced || tracker.lost() || tracker.closeSeen() || finBegun) {
            return;
        }
        if (tracker.atBoundary()) {
            inject(frame);
            failIfSinkBroke();
        } else {
            word = frame;
        }
    }

    private void inject(CloseFrame frame) {
        word = null;
        silenced = true;
        unsaid = frame;
        ByteBufAllocator alloc = ByteBufAllocator.DEFAULT;
        ByteBuf encoded = tunnel.isFromClient(this) ? frame.masked(alloc) : frame.unmasked(alloc);
        int sent = held == null ? send(encoded) : 0;
        if (sent >= 0 && encoded.isReadable()) {
            hold(encoded, encoded.readerIndex(), encoded.readableBytes());
        } else if (sent >= 0) {
            allSent();
        }
        encoded.release();
        tunnel.saying(this);
    }

    @Override
    public void fin() {
        if (finBegun) {
            return;
        }
        finBegun = true;
        silenced = true;
        word = null;
        if (held == null) {
            shutdownSink();
        }
    }

    private void shutdownSink() {
        try {
            sink().shutdown(false, true);
        } catch (IOException | NotYetConnectedException e) {
            // The connection broke: nothing is left to tell its peer, and its own events tell us.
        }
        finDone = true;
        tunnel.finDone();
    }

    @Override
    public boolean isFinDone() {
        return finDone;
    }

    @Override
    public boolean hasEnded() {
        return ended;
    }

    @Override
    public boolean hasSeenClose() {
        return tracker.closeSeen();
    }

    @Override
    public boolean hasSaidAll() {
        return tracker.closeSeen() && tracker.atBoundary();
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public long messages() {
        return tracker.messages();
    }

    @Override
    public boolean isFarewellDone() {
        DirectRelay other = opposite();
        return tracker.closeSeen()
                && other.tracker.closeSeen()
                && other.tracker.atBoundary()
                && !other.silenced
                && other.held == null;
    }

    @Override
    public void probe(KeepAlive keepAlive) {
        if (closed) {
            return;
        }
        try {
            keepAlive.apply(source);
        } catch (IOException e) {
            // The connection broke: its own events tell us.
        }
    }

    /** With bytes left that the source's peer should still have got, as a reset: it must not take them for all. */
    @Override
    public void close() {
        close(opposite().held != null);
    }

    @Override
    public void breakOff() {
        ended = true;
        close();
        // It may have waited for room that this source will not make any more.
        opposite().await();
    }

    @Override
    public void reset() {
        close(true);
    }

    private void close(boolean asReset) {
        if (closed) {
            return;
        }
        closed = true;
        opposite().sinkIsClosed();
        try {
            if (asReset) {
                source.setSoLinger(0);
            }
            source.close();
        } catch (IOException e) {
            // It is gone all the same: Linux frees a descriptor whatever close returns.
        }
        IoRegistration place = registration;
        if (place != null) {
            place.cancel();
        }
    }

    /** What is still received is read and dropped. */
    private void sinkIsClosed() {
        silenced = true;
        finBegun = true;
        finDone = true;
        word = null;
        ByteBuf queue = held;
        held = null;
        if (queue != null) {
            held(-queue.readableBytes());
            counters.resumed();
            queue.release();
        }
    }

    private void held(long more) {
        scratch.held(more);
        counters.buffered(more);
    }
}

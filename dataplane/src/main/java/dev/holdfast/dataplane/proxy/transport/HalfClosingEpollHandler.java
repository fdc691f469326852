package dev.holdfast.dataplane.proxy.transport;

import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoOps;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import io.netty.util.concurrent.FastThreadLocal;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Epoll without a fault of Netty 4.2.18: a channel whose input has ended waits for no event, and Netty then takes it out
 * of epoll but believes it is still in. The next write that does not fit into the socket fails (epoll_ctl: no such
 * entry), which would reset a client that ended its own stream and still reads a long answer; a reset by the peer would
 * go unnoticed. Here such a channel stays in epoll, edge-triggered and asking for nothing, so that an error is reported
 * once and a later change of its events finds it.
 *
 * <p>A registered descriptor can also change hands, see {@link #takeOver}.
 *
 * <p>Netty finds the channel of an event by the number of its descriptor. Events come in batches; when one of them makes its
 * handler close another descriptor of the batch, and a new one gets its number at once, the event of the old one would
 * reach the new: told that its peer has ended, a connection that is only being made would be read as ended. Here an event
 * only reaches who was registered when the kernel was asked.
 *
 * <p>What channels wait for is told to the kernel once per turn of the loop, just before it waits: within a turn Netty
 * changes its mind up to four times per channel, and nobody hears of an event in between. A descriptor that is about to be
 * closed is not taken out of epoll, because its end does that.
 */
public final class HalfClosingEpollHandler implements IoHandler {
    private static final FastThreadLocal<@Nullable HalfClosingEpollHandler> OF_LOOP = new FastThreadLocal<>();

    private static final Logger LOG = LoggerFactory.getLogger(HalfClosingEpollHandler.class);

    private final ThreadAwareExecutor loop;
    private final IoHandler epoll;
    private final IntObjectMap<Seat> seats = new IntObjectHashMap<>();
    /** Those whose wishes the kernel does not know yet. */
    private final List<Seat> changed = new ArrayList<>();
    /** Counts how often the loop has waited for events. */
    private long turn;

    private HalfClosingEpollHandler(ThreadAwareExecutor loop, IoHandler epoll) {
        this.loop = loop;
        this.epoll = epoll;
    }

    /** For event loops of epoll sockets. */
    public static IoHandlerFactory newFactory() {
        IoHandlerFactory factory = EpollIoHandler.newFactory();
        return new IoHandlerFactory() {
            @Override
            public IoHandler newHandler(ThreadAwareExecutor executor) {
                return new HalfClosingEpollHandler(executor, factory.newHandler(executor));
            }

            @Override
            public boolean isChangingThreadSupported() {
                return factory.isChangingThreadSupported();
            }
        };
    }

    /**
     * Gives the events of a descriptor to another handle: from here on it alone may read, write and close it. The
     * channel that had it hears nothing any more and must not be touched again; it becomes garbage. Costs no system
     * call: the descriptor stays in epoll with the events it waited for. Call on the descriptor's event loop, outside
     * its channel's event handling.
     *
     * @return where {@code next} says what it waits for, and cancels; null if the descriptor is not of this loop
     */
    public static @Nullable IoRegistration takeOver(FileDescriptor descriptor, EpollIoHandle next) {
        HalfClosingEpollHandler handler = OF_LOOP.get();
        Seat seat = handler == null ? null : handler.seats.get(descriptor.intValue());
        if (seat == null || !seat.handle.fd().equals(descriptor)) {
            return null;
        }
        seat.handle = next;
        return seat;
    }

    @Override
    public void initialize() {
        OF_LOOP.set(this);
        epoll.initialize();
    }

    @Override
    public int run(IoHandlerContext context) {
        tellKernel();
        turn++;
        return epoll.run(context);
    }

    private void tellKernel() {
        for (int i = 0; i < changed.size(); i++) {
            changed.get(i).tellKernel();
        }
        changed.clear();
    }

    @Override
    public void prepareToDestroy() {
        epoll.prepareToDestroy();
    }

    @Override
    public void destroy() {
        epoll.destroy();
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
        if (!(handle instanceof EpollIoHandle epollHandle)) {
            throw new IllegalArgumentException("handle: " + handle.getClass().getName() + " (expected: one of epoll)");
        }
        Seat seat = new Seat(epollHandle);
        IoRegistration registration = epoll.register(seat);
        seat.registration = registration;
        seats.put(epollHandle.fd().intValue(), seat);
        return seat;
    }

    @Override
    public void wakeup() {
        epoll.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
        return epoll.isCompatible(handleType);
    }

    /** What epoll shall believe of a descriptor that its owner is about to close. */
    private static final class ClosingDescriptor extends FileDescriptor {
        ClosingDescriptor(int fd) {
            super(fd);
        }

        @Override
        public boolean isOpen() {
            return false;
        }
    }

    /** The place of a descriptor in epoll: for epoll it is the handle, for the handle it is the registration. */
    private final class Seat implements EpollIoHandle, IoRegistration {
        /** The last turn whose events cannot be about this descriptor. */
        private final long since = turn;

        private EpollIoHandle handle;
        private @Nullable IoRegistration registration;
        private @Nullable FileDescriptor closing;
        private EpollIoOps wanted = EpollIoOps.NONE;
        private EpollIoOps told = EpollIoOps.NONE;
        private boolean isChanged;

        Seat(EpollIoHandle handle) {
            this.handle = handle;
        }

        @Override
        public FileDescriptor fd() {
            return closing == null ? handle.fd() : closing;
        }

        @Override
        public void handle(IoRegistration ignored, IoEvent event) {
            // Reported before this one was registered: it is about a closed one of the same number.
            if (since == turn) {
                return;
            }
            try {
                handle.handle(this, event);
            } catch (RuntimeException | Error e) {
                // Beyond here it would end the loop, and with it every connection that the loop has.
                tell("handle_failed", e);
                close();
            }
        }

        private void tell(String event, Throwable failure) {
            try {
                LOG.error("event={} handle={}", event, handle.getClass().getSimpleName(), failure);
            } catch (RuntimeException | Error e) {
                // Out of memory, words need more of it: the handle is closed all the same.
            }
        }

        @Override
        public void registered() {
            handle.registered();
        }

        @Override
        public void unregistered() {
            int descriptor = handle.fd().intValue();
            Seat known = seats.remove(descriptor);
            if (known != null && known != this) {
                seats.put(descriptor, known);
            }
            handle.unregistered();
        }

        @Override
        public void close() {
            try {
                handle.close();
            } catch (Exception e) {
                throw new IllegalStateException("a handle that does not close", e);
            }
        }

        private IoRegistration inner() {
            IoRegistration inner = registration;
            if (inner == null) {
                throw new IllegalStateException("used before it is registered");
            }
            return inner;
        }

        @Override
        public <T> T attachment() {
            return inner().attachment();
        }

        @Override
        public long submit(IoOps ops) {
            if (!(ops instanceof EpollIoOps epollOps)) {
                throw new IllegalArgumentException("ops: " + ops.getClass().getName() + " (expected: those of epoll)");
            }
            if (!loop.isExecutorThread(Thread.currentThread())) {
                loop.execute(() -> submit(ops));
            } else if (isValid()) {
                boolean added = !wanted.equals(EpollIoOps.NONE);
                wanted = added && epollOps.equals(EpollIoOps.NONE) ? EpollIoOps.EPOLLET : epollOps;
                if (!isChanged) {
                    isChanged = true;
                    changed.add(this);
                }
            }
            return epollOps.value();
        }

        private void tellKernel() {
            isChanged = false;
            // Telling an edge-triggered one again asks for what has happened meanwhile.
            if (!isValid() || wanted.equals(told) && !told.contains(EpollIoOps.EPOLLET)) {
                return;
            }
            told = wanted;
            try {
                inner().submit(wanted);
            } catch (RuntimeException | Error e) {
                tell("epoll_failed", e);
                close();
            }
        }

        @Override
        public boolean isValid() {
            return inner().isValid();
        }

        @Override
        public boolean cancel() {
            closing = new ClosingDescriptor(handle.fd().intValue());
            return inner().cancel();
        }
    }
}

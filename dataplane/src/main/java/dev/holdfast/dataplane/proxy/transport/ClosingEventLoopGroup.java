package dev.holdfast.dataplane.proxy.transport;

import io.netty.channel.IoEventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SingleThreadIoEventLoop;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;

/**
 * Event loops without a fault of Netty 4.2.18: a loop looks whether it shall stop before it runs its tasks, to close
 * what is registered with it, and once more after them, to end. Told in between, and without a quiet period, it ends at
 * once and closes nothing: sockets stay open, and no handler is removed, so that the engines of TLS are never released
 * nor is what they hold. Here it closes everything whenever it is about to end.
 */
public final class ClosingEventLoopGroup extends MultiThreadIoEventLoopGroup {
    /** As many loops as {@code loops}, each with a thread of its own. */
    public ClosingEventLoopGroup(int loops, ThreadFactory threads, IoHandlerFactory handlers) {
        super(loops, threads, handlers);
    }

    @Override
    protected IoEventLoop newChild(Executor executor, IoHandlerFactory handlers, Object... args) {
        return new ClosingEventLoop(this, executor, handlers);
    }

    private static final class ClosingEventLoop extends SingleThreadIoEventLoop {
        ClosingEventLoop(IoEventLoopGroup parent, Executor executor, IoHandlerFactory handlers) {
            super(parent, executor, handlers);
        }

        @Override
        protected boolean confirmShutdown() {
            if (!isShuttingDown()) {
                return false;
            }
            // Before the last tasks run: these tell the pipelines.
            ioHandler().prepareToDestroy();
            return super.confirmShutdown();
        }
    }
}

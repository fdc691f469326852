package dev.holdfast.dataplane.proxy.overload;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * For a listener that cannot accept, most often because the process is out of file descriptors: it rests a little
 * instead of spinning, and tries again. Who knocks meanwhile waits in the backlog.
 */
public final class AcceptRetryHandler extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(AcceptRetryHandler.class);
    private static final Duration REST = Duration.ofMillis(100);
    private static final Duration LOG_INTERVAL = Duration.ofSeconds(10);

    private final Counter failures;
    private long nextLogNanos = System.nanoTime();

    /** Counts {@code holdfast.accept.failures}. */
    public AcceptRetryHandler(MeterRegistry registry) {
        failures = Counter.builder("holdfast.accept.failures")
                .description("Accepts that failed, most often for want of file descriptors")
                .register(registry);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        failures.increment();
        Channel listener = ctx.channel();
        if (System.nanoTime() - nextLogNanos >= 0) {
            nextLogNanos = System.nanoTime() + LOG_INTERVAL.toNanos();
            LOG.warn("event=accept_failed listener={} cause=\"{}\"", listener.localAddress(), cause.toString());
        }
        if (listener.config().isAutoRead()) {
            listener.config().setAutoRead(false);
            ctx.executor().schedule(() -> listener.config().setAutoRead(true), REST.toMillis(), TimeUnit.MILLISECONDS);
        }
    }
}

package dev.holdfast.dataplane.sync;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The body of a response, taken chunk by chunk with a limit on the wait. Asks the socket for one chunk at a time, so
 * that a stream that is faster than its reader fills no memory.
 */
final class StreamBody implements Flow.Subscriber<List<ByteBuffer>>, AutoCloseable {
    private sealed interface Signal {
        record Chunk(List<ByteBuffer> buffers) implements Signal {}

        record End(@Nullable Throwable cause) implements Signal {}
    }

    /** One chunk that was asked for, and the end. */
    private final BlockingQueue<Signal> signals = new ArrayBlockingQueue<>(2);

    private volatile Flow.@Nullable Subscription subscription;
    private volatile boolean closed;

    @Override
    public void onSubscribe(Flow.Subscription started) {
        subscription = started;
        if (closed) {
            started.cancel();
        } else {
            started.request(1);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        signals.offer(new Signal.Chunk(buffers));
    }

    @Override
    public void onError(Throwable cause) {
        signals.offer(new Signal.End(cause));
    }

    @Override
    public void onComplete() {
        signals.offer(new Signal.End(null));
    }

    /**
     * The next chunk.
     *
     * @throws IOException if none comes in time, or if the stream ended
     */
    List<ByteBuffer> next(Duration wait) throws IOException, InterruptedException {
        return switch (signals.poll(wait.toNanos(), TimeUnit.NANOSECONDS)) {
            case null -> throw new IOException("the operator was silent for " + wait.toMillis() + " ms");
            case Signal.End(Throwable cause)
            when cause != null -> throw new IOException("the stream broke: " + cause, cause);
            case Signal.End end -> throw new IOException("the operator ended the stream");
            case Signal.Chunk(List<ByteBuffer> buffers) -> {
                Flow.Subscription asks = subscription;
                if (asks != null) {
                    asks.request(1);
                }
                yield buffers;
            }
        };
    }

    /** Drops the connection. */
    @Override
    public void close() {
        closed = true;
        Flow.Subscription asks = subscription;
        if (asks != null) {
            asks.cancel();
        }
    }
}

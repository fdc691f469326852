package dev.holdfast.dataplane.accesslog;

import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.dataplane.proxy.tunnel.TunnelInfo;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes records on a thread of its own. Event loops put entries into a bounded queue and go on; when it is full, because
 * nobody takes what was written, entries are dropped and counted. Thread-safe.
 */
public final class AccessLog implements TunnelListener, RequestListener, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AccessLog.class);

    /** Some megabytes, and at least a second of the most that one process can cause. */
    static final int QUEUED_MAX = 16_384;

    /** Lets records gather, so that a busy loop need not wake the writer for each. */
    private static final long GATHER_NANOS = 10_000_000;

    private static final long CLOSE_WAIT_MILLIS = 2_000;
    private static final byte[] NOTHING = {};

    private final AccessLogConfig config;
    private final OutputStream out;
    private final RecordWriter writer;
    private final Queue<Entry> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger queued = new AtomicInteger();
    private final LongAdder written = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private final Thread thread;
    private volatile boolean asleep;
    private volatile boolean closing;

    private AccessLog(AccessLogConfig config, OutputStream out, MeterRegistry registry) {
        this.config = config;
        this.out = out;
        this.writer = new RecordWriter(config);
        this.thread = Thread.ofPlatform().name("access-log").daemon().unstarted(this::run);
        count(registry, "written", written);
        count(registry, "dropped", dropped);
    }

    /** Begins to write to {@code out}, which stays open when the log is closed. */
    public static AccessLog start(AccessLogConfig config, OutputStream out, MeterRegistry registry) {
        AccessLog log = new AccessLog(config, out, registry);
        log.thread.start();
        return log;
    }

    private static void count(MeterRegistry registry, String outcome, LongAdder counter) {
        FunctionCounter.builder("holdfast.access.log.records", counter, LongAdder::sum)
                .description("Records of the access log, written or dropped because nobody took them in time")
                .tag("outcome", outcome)
                .register(registry);
    }

    @Override
    public void opened(TunnelInfo tunnel) {
        double share = config.openSample();
        if (share >= 1 || ThreadLocalRandom.current().nextDouble() < share) {
            put(new Entry.Opened(System.currentTimeMillis(), tunnel));
        }
    }

    @Override
    public void closed(TunnelInfo tunnel, TunnelEnd end) {
        put(new Entry.Closed(System.currentTimeMillis(), tunnel, end));
    }

    @Override
    public void answered(RequestTrail trail, int status, long nanos) {
        // A tunnel has records of its own.
        if (config.records() == AccessLogConfig.Records.ALL && status != 101) {
            put(new Entry.Answered(System.currentTimeMillis(), trail, status, nanos));
        }
    }

    private void put(Entry entry) {
        if (queued.get() >= QUEUED_MAX) {
            dropped.increment();
            return;
        }
        queued.incrementAndGet();
        queue.add(entry);
        if (asleep) {
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        byte[] batch = new byte[RecordWriter.LINE_BYTES_MAX];
        boolean wasIdle = false;
        while (true) {
            boolean last = closing;
            int lines = writeQueuedOrTell(batch);
            if (last) {
                return;
            }
            if (lines > 0 || !wasIdle) {
                wasIdle = lines == 0;
                LockSupport.parkNanos(GATHER_NANOS);
            } else {
                asleep = true;
                if (queue.isEmpty() && !closing) {
                    LockSupport.park(this);
                }
                asleep = false;
                wasIdle = false;
            }
        }
    }

    /** Whatever goes wrong, nobody else writes: the thread goes on. */
    private int writeQueuedOrTell(byte[] batch) {
        try {
            return writeQueued(batch);
        } catch (RuntimeException | Error e) {
            tell(e);
            return 1;
        }
    }

    /** Writes what is queued, as many whole lines at a time as a pipe takes in one piece. */
    private int writeQueued(byte[] batch) {
        int lines = 0;
        int filled = 0;
        int inBatch = 0;
        for (Entry entry = queue.poll(); entry != null; entry = queue.poll()) {
            queued.decrementAndGet();
            byte[] line = line(entry);
            if (filled + line.length > batch.length) {
                write(batch, filled, inBatch);
                filled = 0;
                inBatch = 0;
            }
            if (line.length > batch.length) {
                write(line, line.length, 1);
            } else {
                System.arraycopy(line, 0, batch, filled, line.length);
                filled += line.length;
                inBatch += line.length > 0 ? 1 : 0;
            }
            lines++;
        }
        write(batch, filled, inBatch);
        return lines;
    }

    /** The record, or nothing if it cannot be made: one that fails must not end the log. */
    private byte[] line(Entry entry) {
        try {
            return writer.line(entry);
        } catch (RuntimeException | Error e) {
            dropped.increment();
            tell(e);
            return NOTHING;
        }
    }

    private static void tell(Throwable failure) {
        try {
            LOG.warn("event=access_log_record_failed because=\"{}\"", failure.toString());
        } catch (RuntimeException | Error e) {
            // Out of memory, words need more of it: the next record is written all the same.
        }
    }

    private void write(byte[] bytes, int length, int lines) {
        if (length == 0) {
            return;
        }
        try {
            out.write(bytes, 0, length);
            out.flush();
            written.add(lines);
        } catch (IOException | RuntimeException | Error e) {
            dropped.add(lines);
            tell(lines, e);
        }
    }

    private static void tell(int lines, Throwable failure) {
        try {
            LOG.debug("event=access_log_failed lines={}", lines, failure);
        } catch (RuntimeException | Error e) {
            // As above.
        }
    }

    /** Writes what is queued, for two seconds at most, and ends. */
    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(thread);
        try {
            thread.join(CLOSE_WAIT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

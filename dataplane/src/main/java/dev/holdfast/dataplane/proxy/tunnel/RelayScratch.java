package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.unix.Buffer;
import io.netty.util.concurrent.FastThreadLocal;

/**
 * What the direct relays of one event loop share: the buffer that each receives into, and a count of the bytes that they
 * hold because sockets are full. Confined to its loop; freed when its thread ends.
 */
final class RelayScratch {
    /** Takes a frame of 64 KiB with its header in one receive, and two of them when both have come. */
    static final int BYTES = 160 << 10;

    /** Above this many held bytes each further relay holds only little. */
    static final long HELD_BYTES_EASY = 16 << 20;

    private static final int SHORT_BYTES = 8 << 10;

    private static final FastThreadLocal<RelayScratch> OF_LOOP = new FastThreadLocal<>() {
        @Override
        protected RelayScratch initialValue() {
            return new RelayScratch();
        }

        @Override
        protected void onRemoval(RelayScratch scratch) {
            scratch.buffer.release();
        }
    };

    private final ByteBuf buffer = Unpooled.directBuffer(BYTES, BYTES);
    private final long address = buffer.hasMemoryAddress()
            ? buffer.memoryAddress()
            : Buffer.memoryAddress(buffer.internalNioBuffer(0, BYTES));
    private long heldBytes;

    private RelayScratch() {}

    /** That of the calling event loop. */
    static RelayScratch ofLoop() {
        return OF_LOOP.get();
    }

    /** The native address of the first byte. */
    long address() {
        return address;
    }

    /** How many bytes may be received at once: what the other socket does not take has to be held. */
    int receiveBytesMax() {
        return heldBytes < HELD_BYTES_EASY ? BYTES : SHORT_BYTES;
    }

    /** The first {@code length} bytes. */
    ByteBuf received(int length) {
        return buffer.setIndex(0, length);
    }

    /** Counts bytes that a relay began to hold, or let go of when negative. */
    void held(long bytes) {
        heldBytes += bytes;
    }
}

package dev.holdfast.dataplane.sync;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;

/**
 * The data of one event, in pieces: a large table is never copied, never asks for one array as long as itself, and is
 * given back to the heap while it is read. Not thread-safe.
 */
final class EventData {
    private static final int PIECE_MIN = 8 << 10;
    private static final int PIECE_MAX = 1 << 20;

    private final Deque<ByteBuffer> full = new ArrayDeque<>();
    private ByteBuffer last = ByteBuffer.allocate(PIECE_MIN);
    private int length;

    /** How many bytes were added. */
    int length() {
        return length;
    }

    /** Adds all that remains in {@code bytes}. */
    void add(ByteBuffer bytes) {
        length += bytes.remaining();
        while (bytes.hasRemaining()) {
            if (!last.hasRemaining()) {
                full.add(last.flip());
                last = ByteBuffer.allocate(Math.min(last.capacity() * 2, PIECE_MAX));
            }
            int taken = Math.min(bytes.remaining(), last.remaining());
            last.put(last.position(), bytes, bytes.position(), taken);
            last.position(last.position() + taken);
            bytes.position(bytes.position() + taken);
        }
    }

    /** Reads it, once: what was read is gone. Nothing may be added any more. */
    InputStream read() {
        full.add(last.flip());
        return new Pieces(full);
    }

    private static final class Pieces extends InputStream {
        private final Deque<ByteBuffer> pieces;

        Pieces(Deque<ByteBuffer> pieces) {
            this.pieces = pieces;
        }

        private boolean isAtEnd() {
            while (!pieces.isEmpty() && !pieces.element().hasRemaining()) {
                pieces.remove();
            }
            return pieces.isEmpty();
        }

        @Override
        public int read() {
            return isAtEnd() ? -1 : pieces.element().get() & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int count) {
            Objects.checkFromIndexSize(offset, count, target.length);
            if (count == 0) {
                return 0;
            }
            if (isAtEnd()) {
                return -1;
            }
            ByteBuffer piece = pieces.element();
            int taken = Math.min(count, piece.remaining());
            piece.get(target, offset, taken);
            return taken;
        }
    }
}

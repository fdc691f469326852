package dev.holdfast.dataplane.proxy.http1;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Writes messages to a channel, one after the other (RFC 9112). A head and a small body behind it leave in one buffer, and
 * so by one system call. Confined to the channel's loop.
 */
public final class MessageWriter {
    /** A larger part goes on as it is: copying it would cost more than a second buffer. */
    private static final int JOINED_BYTES_MAX = 4 << 10;

    private static final int CHUNK_LINE_BYTES = 32;
    private static final byte[] LAST_CHUNK = "0\r\n".getBytes(StandardCharsets.US_ASCII);

    private final Channel channel;
    private @Nullable ByteBuf gathered;
    private boolean chunked;
    private boolean isDirty;

    /** Writes to {@code channel}, whose pipeline takes bytes. */
    public MessageWriter(Channel channel) {
        this.channel = channel;
    }

    /**
     * Begins a request.
     *
     * @throws IllegalArgumentException if it cannot be written so that it is read as it is meant
     */
    public void request(HttpRequest head, boolean isChunked) {
        begin(
                HeadBytes.request(
                        new HeadBytes.RequestLine(head.method().name(), head.uri()),
                        head.headers(),
                        name -> false,
                        "",
                        channel.alloc()),
                isChunked);
    }

    /**
     * Begins an answer, in our version of HTTP.
     *
     * @throws IllegalArgumentException if it cannot be written so that it is read as it is meant
     */
    public void answer(HttpResponse head, boolean isChunked) {
        begin(HeadBytes.answer(head.status(), head.headers(), channel.alloc()), isChunked);
    }

    private void begin(ByteBuf head, boolean isChunked) {
        chunked = isChunked;
        writeGathered();
        gathered = head;
    }

    /** Writes a part of the body and takes it over. */
    public void content(ByteBuf part) {
        int length = part.readableBytes();
        if (length == 0) {
            // A chunk of no bytes would be the last one.
            part.release();
            return;
        }
        if (chunked) {
            beginChunk(length);
        }
        ByteBuf before = gathered;
        if (before != null && length <= JOINED_BYTES_MAX) {
            before.writeBytes(part);
            part.release();
        } else {
            writeGathered();
            isDirty = true;
            channel.write(part, channel.voidPromise());
        }
        if (chunked) {
            gathering(CHUNK_LINE_BYTES).writeShort('\r' << 8 | '\n');
        }
    }

    private void beginChunk(int length) {
        ByteBuf line = gathering(CHUNK_LINE_BYTES);
        line.writeCharSequence(Integer.toHexString(length), StandardCharsets.US_ASCII);
        line.writeShort('\r' << 8 | '\n');
    }

    /** Ends the message; trailers go with chunks alone. */
    public void end(HttpHeaders trailers) {
        if (!chunked) {
            return;
        }
        ByteBuf end = gathering(CHUNK_LINE_BYTES);
        end.writeBytes(LAST_CHUNK);
        if (trailers.isEmpty()) {
            end.writeShort('\r' << 8 | '\n');
        } else {
            ByteBuf section = HeadBytes.section(trailers, channel.alloc());
            end.writeBytes(section);
            section.release();
        }
        chunked = false;
    }

    private ByteBuf gathering(int bytes) {
        ByteBuf known = gathered;
        if (known == null) {
            known = channel.alloc().buffer(bytes);
            gathered = known;
        }
        return known;
    }

    private void writeGathered() {
        ByteBuf bytes = gathered;
        gathered = null;
        if (bytes != null) {
            isDirty = true;
            channel.write(bytes, channel.voidPromise());
        }
    }

    /** Hands everything to the socket. */
    public void flush() {
        writeGathered();
        if (isDirty) {
            isDirty = false;
            channel.flush();
        }
    }

    /** Whether the channel takes more without keeping it. */
    public boolean isWritable() {
        return channel.isWritable();
    }

    /** Drops what has not been handed over. */
    public void discard() {
        ByteBuf bytes = gathered;
        gathered = null;
        if (bytes != null) {
            bytes.release();
        }
    }
}

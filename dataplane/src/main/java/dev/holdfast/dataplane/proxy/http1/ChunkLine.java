package dev.holdfast.dataplane.proxy.http1;

/** The line before a chunk (RFC 9112 §7.1): a size and extensions, without CRLF. */
final class ChunkLine {
    private static final int DIGITS_MAX = 16;
    /** All extensions of a chunk, from the first semicolon on. */
    private static final int EXTENSION_BYTES_MAX = 256;

    /** Nobody means a larger chunk; whoever adds sizes up cannot be made to overflow. */
    private static final long SIZE_MAX = 1L << 40;

    /** The longest line. */
    static final int BYTES_MAX = DIGITS_MAX + EXTENSION_BYTES_MAX;

    private ChunkLine() {}

    /** The size of the chunk; 0 for the last one. */
    static long size(byte[] line, int length) throws RefusedException {
        int end = 0;
        long size = 0;
        while (end < length && Octets.hexDigit(line[end]) >= 0) {
            size = size << 4 | Octets.hexDigit(line[end++]);
            if (end > DIGITS_MAX) {
                throw MessageDecoderHandler.malformed("a chunk size has too many digits");
            }
        }
        if (end == 0) {
            throw MessageDecoderHandler.malformed("a chunk size is no hexadecimal number");
        }
        if (size < 0 || size > SIZE_MAX) {
            throw MessageDecoderHandler.malformed("a chunk size is too large");
        }
        if (length - end > EXTENSION_BYTES_MAX) {
            throw MessageDecoderHandler.malformed("a chunk extension is too long");
        }
        requireExtension(line, end, length);
        return size;
    }

    /** Extensions are read as strictly as the rest, then dropped (RFC 9112 §7.1.1). */
    private static void requireExtension(byte[] line, int from, int to) throws RefusedException {
        int at = from;
        while (at < to && (line[at] == ' ' || line[at] == '\t')) {
            at++;
        }
        if (at == to && from < to || at < to && line[at] != ';') {
            throw MessageDecoderHandler.malformed("a chunk size is followed by something that is no extension");
        }
        boolean quoted = false;
        boolean escaped = false;
        for (; at < to; at++) {
            if (!Octets.isFieldValue(line[at])) {
                throw MessageDecoderHandler.malformed("a chunk extension has a control octet");
            }
            if (escaped) {
                escaped = false;
            } else if (quoted && line[at] == '\\') {
                escaped = true;
            } else if (line[at] == '"') {
                quoted = !quoted;
            }
        }
        if (quoted) {
            throw MessageDecoderHandler.malformed("a chunk extension has an open quote");
        }
    }
}

package dev.holdfast.dataplane.proxy.http1;

import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.HttpHeaders;
import java.nio.charset.StandardCharsets;

/** Header or trailer fields while their lines arrive (RFC 9112 §5), bounded in number and size. */
final class FieldSection {
    private static final int FIELDS_MAX = 512;

    private final int bytesMax;
    private final FieldNames names = FieldNames.ofLoop();
    private HttpHeaders fields = newFields();
    private int bytes;
    private int count;

    FieldSection(int bytesMax) {
        this.bytesMax = bytesMax;
    }

    /** How long the next line may be. */
    int bytesLeft() {
        return bytesMax - bytes;
    }

    /** The fields so far, handed over; the next section begins empty. */
    HttpHeaders take() {
        HttpHeaders complete = fields;
        fields = newFields();
        bytes = 0;
        count = 0;
        return complete;
    }

    /** Adds a field line without CRLF. */
    void add(byte[] line, int length) throws RefusedException {
        bytes += length + 2;
        if (++count > FIELDS_MAX || bytes > bytesMax) {
            throw new RefusedException(tooLarge());
        }
        int colon = 0;
        while (colon < length && Octets.isToken(line[colon])) {
            colon++;
        }
        if (colon == 0 || colon == length || line[colon] != ':') {
            throw MessageDecoderHandler.malformed("a field line is folded or its name is no token");
        }
        int from = colon + 1;
        int to = length;
        while (from < to && (line[from] == ' ' || line[from] == '\t')) {
            from++;
        }
        while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t')) {
            to--;
        }
        for (int i = from; i < to; i++) {
            if (!Octets.isFieldValue(line[i])) {
                throw MessageDecoderHandler.malformed("a field value has a control octet");
            }
        }
        fields.add(names.name(line, colon), new String(line, from, to - from, StandardCharsets.ISO_8859_1));
    }

    static Refusal tooLarge() {
        return new Refusal(431, "The header fields are too large");
    }

    private static HttpHeaders newFields() {
        // Names and values were checked octet by octet; a second look would only cost.
        return DefaultHttpHeadersFactory.headersFactory().withValidation(false).newHeaders();
    }
}

package dev.holdfast.dataplane.proxy.http1;

import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Reads requests (RFC 9112 §3). */
public final class RequestDecoderHandler extends MessageDecoderHandler {
    /** Takes requests. */
    public interface Sink extends BodySink {
        /** The first octet of a request is here. */
        void begun();

        /** The head of a request; the target is as received. */
        void request(HttpRequest head, Framing framing);
    }

    private static final String VERSION_PREFIX = "HTTP/1.";

    private final Sink sink;
    private HttpMethod method = HttpMethod.GET;
    private String target = "";
    private HttpVersion version = HttpVersion.HTTP_1_1;
    private @Nullable HttpRequest head;
    private Framing framing = Framing.NONE;

    /** Tells {@code sink}. */
    public RequestDecoderHandler(Sink sink, int startLineBytesMax, int headBytesMax) {
        super(sink, startLineBytesMax, headBytesMax);
        this.sink = sink;
    }

    @Override
    void startLine(byte[] line, int length) throws RefusedException {
        int methodEnd = 0;
        while (methodEnd < length && Octets.isToken(line[methodEnd])) {
            methodEnd++;
        }
        int targetEnd = methodEnd + 1;
        boolean ascii = true;
        while (targetEnd < length && line[targetEnd] != ' ') {
            byte octet = line[targetEnd++];
            if (octet >= 0 && octet < 0x21 || octet == 0x7f || octet == '#') {
                throw malformed("the request target has a control octet or a fragment");
            }
            ascii &= octet >= 0;
        }
        if (methodEnd == 0 || methodEnd >= length || line[methodEnd] != ' ' || targetEnd == methodEnd + 1) {
            throw malformed("the request line is not method, target and version");
        }
        version = version(line, targetEnd + 1, length);
        if (!ascii && !Octets.isUtf8(line, methodEnd + 1, targetEnd)) {
            throw malformed("the request target is not valid UTF-8");
        }
        method = HttpMethod.valueOf(new String(line, 0, methodEnd, StandardCharsets.US_ASCII));
        // A character per octet: it goes on as it came (RFC 9110 §7.7).
        target = new String(line, methodEnd + 1, targetEnd - methodEnd - 1, StandardCharsets.ISO_8859_1);
    }

    private static HttpVersion version(byte[] line, int from, int to) throws RefusedException {
        String text = from > to ? "" : new String(line, from, to - from, StandardCharsets.ISO_8859_1);
        if (text.length() != 8 || !text.startsWith(VERSION_PREFIX) || text.charAt(7) < '0' || text.charAt(7) > '9') {
            if (text.matches("HTTP/[02-9]\\.[0-9]")) {
                throw new RefusedException(new Refusal(505, "The HTTP version is not supported"));
            }
            throw malformed("the request line does not end in an HTTP version");
        }
        // A higher minor version is answered as the highest that we speak (RFC 9110 §2.5).
        return text.charAt(7) == '0' ? HttpVersion.HTTP_1_0 : HttpVersion.HTTP_1_1;
    }

    @Override
    Framing headComplete(HttpHeaders fields) throws RefusedException {
        Framing said = Framing.of(fields, version.equals(HttpVersion.HTTP_1_0));
        framing = said == null ? Framing.NONE : said;
        head = new DefaultHttpRequest(version, method, target, fields);
        return framing;
    }

    @Override
    void deliverHead() {
        HttpRequest complete = head;
        head = null;
        if (complete != null) {
            sink.request(complete, framing);
        }
    }

    @Override
    void messageBegins() {
        sink.begun();
    }

    @Override
    Refusal startLineTooLong() {
        return new Refusal(414, "The request line is too long");
    }
}

package dev.holdfast.dataplane.proxy.http1;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.http1.Transcript.Cuts;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A chunked body as bytes, whatever follows it included. A naive reading of the whole says what it holds, where it ends
 * and whether it is refused; the decoder must say the same, wherever reads end.
 */
public final class ChunkedBodyFuzz {
    private static final int HEAD_BYTES_MAX = 256;
    private static final int EXTENSION_BYTES_MAX = 256;
    private static final int LINE_BYTES_MAX = 16 + EXTENSION_BYTES_MAX;
    private static final BigInteger SIZE_MAX = BigInteger.ONE.shiftLeft(40);
    private static final byte[] HEAD =
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    /** Size and extensions (RFC 9112 §7.1.1): what stands between quotes is free, but ends. */
    private static final Pattern CHUNK_LINE = Pattern.compile(
            "(?<size>[0-9A-Fa-f]{1,16}+)"
                    + "(?:[ \\t]*+;(?:\"(?:\\\\[\\t -~\\x80-\\xff]|[\\t !#-\\[\\]-~\\x80-\\xff])*+\"|[\\t !#-~\\x80-\\xff])*+)?+");

    private static final Pattern FIELDS = Pattern.compile(Grammar.FIELDS);

    private ChunkedBodyFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(HEAD);
        bytes.writeBytes(input);
        Expected expected = new Reference(new String(input, StandardCharsets.ISO_8859_1)).read();
        for (Cuts cuts : Cuts.values()) {
            Transcript actual = Transcript.ofOneRequest(bytes.toByteArray(), cuts, HEAD_BYTES_MAX);
            assertThat(actual.isRefused()).as("refused, cut %s", cuts).isEqualTo(expected.refused);
            assertThat(actual.isComplete()).as("complete, cut %s", cuts).isEqualTo(expected.rest != null);
            assertThat(actual.body()).as("body, cut %s", cuts).isEqualTo(expected.body);
            if (expected.rest != null) {
                assertThat(actual.rest()).as("rest, cut %s", cuts).isEqualTo(expected.rest);
                assertThat(actual.events().getLast())
                        .as("trailers, cut %s", cuts)
                        .isEqualTo("end " + Grammar.fields(expected.trailers));
            }
        }
    }

    /**
     * @param rest what follows the body; null when it does not end
     */
    private record Expected(
            String body,
            boolean refused,
            String trailers,
            @Nullable String rest) {}

    /** Reads with expressions over the whole text. */
    private static final class Reference {
        private final String text;
        private final StringBuilder body = new StringBuilder();
        private int at;

        Reference(String text) {
            this.text = text;
        }

        Expected read() {
            while (true) {
                int lf = text.indexOf('\n', at);
                if (lineBytes(at, lf) > LINE_BYTES_MAX) {
                    return unfinished(true);
                }
                if (lf < 0) {
                    return unfinished(false);
                }
                Matcher line = CHUNK_LINE.matcher(text.substring(at, Math.max(at, lf - 1)));
                if (lf == at || text.charAt(lf - 1) != '\r' || !line.matches()) {
                    return unfinished(true);
                }
                BigInteger size = new BigInteger(line.group("size"), 16);
                int extensionBytes = line.end() - line.end("size");
                if (size.compareTo(SIZE_MAX) > 0 || extensionBytes > EXTENSION_BYTES_MAX) {
                    return unfinished(true);
                }
                at = lf + 1;
                if (size.signum() == 0) {
                    return trailers();
                }
                int here = size.min(BigInteger.valueOf(text.length() - at)).intValueExact();
                body.append(text, at, at + here);
                at += here;
                String end = text.substring(at, Math.min(at + 2, text.length()));
                if (end.length() < 2 || !end.equals("\r\n")) {
                    return unfinished(!"\r\n".startsWith(end));
                }
                at += 2;
            }
        }

        private Expected trailers() {
            Matcher fields = FIELDS.matcher(text).region(at, text.length());
            String section = fields.lookingAt() ? fields.group() : "";
            int end = at + section.length();
            if (section.length() > HEAD_BYTES_MAX) {
                return unfinished(true);
            }
            if (text.startsWith("\r\n", end)) {
                return new Expected(body.toString(), false, section, text.substring(end + 2));
            }
            int lf = text.indexOf('\n', end);
            return unfinished(lf >= 0 || lineBytes(end, lf) > HEAD_BYTES_MAX - section.length());
        }

        /** Without its end, which is taken to be there. */
        private int lineBytes(int from, int lf) {
            return (lf < 0 ? text.length() : lf) - from - 1;
        }

        private Expected unfinished(boolean refused) {
            return new Expected(body.toString(), refused, "", null);
        }
    }
}

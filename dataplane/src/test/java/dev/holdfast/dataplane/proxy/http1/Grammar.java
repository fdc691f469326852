package dev.holdfast.dataplane.proxy.http1;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMessage;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The grammar of RFC 9110 §5.6 as expressions: what the decoders are compared with. One character is one octet. */
final class Grammar {
    /** A character of a token. */
    static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]";

    /** Field lines with their ends. */
    static final String FIELDS = "(?:" + TOKEN + "++:[\\t -~\\x80-\\xff]*+\r\n)*+";

    private Grammar() {}

    /** The fields of a section that matches {@link #FIELDS}. */
    static List<String> fields(String section) {
        List<String> fields = new ArrayList<>();
        for (String line : section.isEmpty() ? new String[0] : section.split("\r\n")) {
            int colon = line.indexOf(':');
            fields.add(
                    line.substring(0, colon) + "=" + line.substring(colon + 1).replaceAll("^[ \\t]++|[ \\t]++$", ""));
        }
        return fields;
    }

    /** Fields that were read, in the same form. */
    static List<String> fields(HttpHeaders headers) {
        return headers.entries().stream()
                .map(field -> field.getKey() + "=" + field.getValue())
                .toList();
    }

    /** A head in octets. */
    static byte[] write(String startLine, HttpMessage head) {
        StringBuilder text = new StringBuilder(startLine).append("\r\n");
        head.headers()
                .forEach(field -> text.append(field.getKey())
                        .append(": ")
                        .append(field.getValue())
                        .append("\r\n"));
        return text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    static boolean isUtf8(String octets) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets.getBytes(StandardCharsets.ISO_8859_1)));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** Whether a refusal is about the framing of a body, which this grammar does not cover. */
    static boolean isAboutFraming(String event) {
        return event.contains("Content-Length") || event.contains("chunked") || event.contains("Transfer-Encoding");
    }
}

package dev.holdfast.dataplane.proxy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** A client that sends bytes and reads answers. */
final class RawClient implements AutoCloseable {
    final Socket socket;

    RawClient(int port) throws IOException {
        this(new Socket(InetAddress.getLoopbackAddress(), port));
    }

    RawClient(Socket socket) throws IOException {
        this.socket = socket;
        socket.setSoTimeout(10_000);
        socket.setTcpNoDelay(true);
    }

    RawClient send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
        return this;
    }

    /** One answer with its body, framed by length or chunks; a head alone when there is neither. */
    String answer() throws IOException {
        String head = head();
        String fields = head.toLowerCase(Locale.ROOT);
        int at = fields.indexOf("\r\ncontent-length: ");
        if (at >= 0) {
            int length = Integer.parseInt(fields.substring(at + 18, fields.indexOf("\r\n", at + 2)));
            return head + new String(socket.getInputStream().readNBytes(length), StandardCharsets.ISO_8859_1);
        }
        if (fields.contains("transfer-encoding: chunked")) {
            StringBuilder body = new StringBuilder();
            while (!body.toString().matches("(?s)(.*\r\n)?0\r\n(.*\r\n)?\r\n")) {
                int octet = socket.getInputStream().read();
                if (octet < 0) {
                    return head + body + "<cut>";
                }
                body.append((char) octet);
            }
            return head + body;
        }
        return head;
    }

    String head() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        String head = "";
        while (!head.endsWith("\r\n\r\n")) {
            int octet = socket.getInputStream().read();
            if (octet < 0) {
                return bytes.toString(StandardCharsets.ISO_8859_1) + "<end>";
            }
            bytes.write(octet);
            head = octet == '\n' ? bytes.toString(StandardCharsets.ISO_8859_1) : "";
        }
        return head;
    }

    /** Everything until the connection ends. */
    String rest() throws IOException {
        return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }

    boolean isEnded() throws IOException {
        return socket.getInputStream().read() < 0;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}

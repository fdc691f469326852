package dev.holdfast.cli;

import dev.holdfast.cli.local.LocalConfig;
import dev.holdfast.cli.local.LocalMode;
import dev.holdfast.cli.local.TextPrintout;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Loads what a start loads, so that the launcher can record it: serves a request and an upgrade, then ends. */
final class WarmUp {
    private static final String UPGRADE = "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    private static final String REQUEST = "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n";

    private WarmUp() {}

    static int run(LocalConfig config) throws InterruptedException {
        TextPrintout printout =
                new TextPrintout(new PrintStream(OutputStream.nullOutputStream()), TextPrintout.Ink.PLAIN);
        try (LocalMode mode = LocalMode.start(config, printout)) {
            int port = mode.ports().http();
            mode.lastCompile().result().table().virtualHosts().keySet().stream()
                    .filter(host -> !host.startsWith("*"))
                    .limit(3)
                    .forEach(host -> {
                        exchange(port, REQUEST.formatted(host));
                        exchange(port, UPGRADE.formatted(host));
                    });
            return 0;
        } catch (IOException e) {
            return 1;
        }
    }

    private static void exchange(int port, String request) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(2_000);
            OutputStream out = socket.getOutputStream();
            out.write(request.getBytes(StandardCharsets.US_ASCII));
            out.flush();
            InputStream in = socket.getInputStream();
            byte[] head = new byte[256];
            if (in.read(head) < 0) {
                return;
            }
            Thread.sleep(20);
        } catch (IOException e) {
            // What is not served is not recorded.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

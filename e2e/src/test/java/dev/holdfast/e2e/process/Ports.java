package dev.holdfast.e2e.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Ports for processes that must be told theirs. */
public final class Ports {
    private static final int FIRST = 15_000;
    private static final int END = 30_000;
    private static final int ATTEMPTS_MAX = 100;

    private Ports() {}

    /**
     * A port of loopback that nothing listens on now. Not one of those that the system gives to connections that go out
     * (32768 and above on Linux, 49152 elsewhere), or one of them could hold it before the process binds it.
     */
    public static int free() {
        IOException last = null;
        for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
            int port = ThreadLocalRandom.current().nextInt(FIRST, END);
            try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException e) {
                last = e;
            }
        }
        throw new UncheckedIOException("no port from " + FIRST + " to " + (END - 1) + " is free", last);
    }
}

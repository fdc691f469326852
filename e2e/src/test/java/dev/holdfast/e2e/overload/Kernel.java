package dev.holdfast.e2e.overload;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the kernel holds. */
final class Kernel {
    private static final Path SOCKETS = Path.of("/proc/net/sockstat");
    private static final Pattern PAGES = Pattern.compile("TCP: .* mem (\\d+)");

    /** Of {@code ss -m}: received and not read, reserved, and sent or to be sent and not acknowledged. */
    private static final Pattern SOCKET_MEMORY =
            Pattern.compile("skmem:\\(r(\\d+),rb\\d+,t\\d+,tb\\d+,f(\\d+),w(\\d+),");

    private Kernel() {}

    /**
     * Memory of some sockets of this machine.
     *
     * @param sockets how many they are
     * @param bytes as the kernel charges them to whom they belong, its own overhead in it
     */
    record SocketMemory(long sockets, long bytes) {
        long mebibytes() {
            return bytes >> 20;
        }
    }

    /** Socket buffers of this machine in MiB; -1 where the system does not tell. */
    static long tcpMebibytes() throws IOException {
        if (!Files.isReadable(SOCKETS)) {
            return -1;
        }
        Matcher pages = PAGES.matcher(Files.readString(SOCKETS));
        return pages.find() ? Long.parseLong(pages.group(1)) * 4_096 >> 20 : -1;
    }

    /** Whether {@link #socketMemory} can be asked here: it takes {@code ss} of iproute2. */
    static boolean tellsSocketMemory() throws InterruptedException {
        try {
            return new ProcessBuilder("ss", "-V").start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * The connections at one end only, unlike {@link #tcpMebibytes}.
     *
     * @param filter of {@code ss}, for instance {@code sport = :80}
     */
    static SocketMemory socketMemory(String filter) throws IOException, InterruptedException {
        Process ss = new ProcessBuilder("ss", "-tmnH", "state", "connected", filter)
                .redirectErrorStream(true)
                .start();
        String output = new String(ss.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (ss.waitFor() != 0) {
            throw new IOException("ss " + filter + ": " + output);
        }
        long sockets = 0;
        long bytes = 0;
        for (Matcher memory = SOCKET_MEMORY.matcher(output); memory.find(); sockets++) {
            bytes +=
                    Long.parseLong(memory.group(1)) + Long.parseLong(memory.group(2)) + Long.parseLong(memory.group(3));
        }
        return new SocketMemory(sockets, bytes);
    }
}

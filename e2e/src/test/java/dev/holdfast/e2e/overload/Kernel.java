package dev.holdfast.e2e.overload;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the kernel holds. */
final class Kernel {
    private static final Path SOCKETS = Path.of("/proc/net/sockstat");
    private static final Pattern PAGES = Pattern.compile("TCP: .* mem (\\d+)");

    private Kernel() {}

    /** Socket buffers of this machine in MiB; -1 where the system does not tell. */
    static long tcpMebibytes() throws IOException {
        if (!Files.isReadable(SOCKETS)) {
            return -1;
        }
        Matcher pages = PAGES.matcher(Files.readString(SOCKETS));
        return pages.find() ? Long.parseLong(pages.group(1)) * 4_096 >> 20 : -1;
    }
}

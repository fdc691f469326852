package dev.holdfast.dataplane.proxy.overload;

import com.sun.management.UnixOperatingSystemMXBean;
import io.netty.util.internal.PlatformDependent;
import java.lang.management.ManagementFactory;

/**
 * Where new work is refused with 503, so that what is open goes on.
 *
 * @param connectionsMax client connections that speak HTTP; a tunnel is none of them
 * @param tunnelsMax tunnels and upgrades under way, each with a connection to a client and one to a backend
 * @param directMemoryBytesMax of buffers outside the heap
 */
public record OverloadLimits(int connectionsMax, int tunnelsMax, long directMemoryBytesMax) {
    /** File descriptors for everything but traffic: class files, logs, the stream, the admin port. */
    private static final int OTHER_FILES = 256;

    /** New work ends here; the rest belongs to the tunnels that are open and may come to need their buffers. */
    private static final double NEW_WORK_SHARE = 0.7;

    /** Refuses limits that would refuse everything. */
    public OverloadLimits {
        require("overload.connectionsMax", connectionsMax);
        require("overload.tunnelsMax", tunnelsMax);
        require("overload.directMemoryBytesMax", directMemoryBytesMax);
    }

    /** What this process can bear: half of its files for tunnels, two each, and 70 % of its direct memory. */
    public static OverloadLimits ofThisProcess() {
        long files = ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                ? unix.getMaxFileDescriptorCount()
                : Integer.MAX_VALUE;
        int pairs = Math.clamp((files - OTHER_FILES) / 2, 16, Integer.MAX_VALUE);
        return new OverloadLimits(
                pairs, pairs, Math.max(1, (long) (PlatformDependent.maxDirectMemory() * NEW_WORK_SHARE)));
    }

    private static void require(String field, long value) {
        if (value < 1) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: at least 1)");
        }
    }
}

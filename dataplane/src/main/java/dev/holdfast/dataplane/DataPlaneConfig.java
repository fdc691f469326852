package dev.holdfast.dataplane;

import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.sync.SyncConfig;
import dev.holdfast.routetable.update.ApplyReport;
import java.net.InetSocketAddress;

/**
 * Everything that a data plane is told at its start.
 *
 * @param name how the operator and its users know it: the pod's name, or the host's
 * @param sync where tables come from
 * @param admin where health, metrics and the table dump are served; port 0 takes any free one
 * @param proxy where traffic is accepted, and within which limits
 * @param drain how it ends
 * @param observe what it tells of its traffic
 */
public record DataPlaneConfig(
        String name,
        SyncConfig sync,
        InetSocketAddress admin,
        ProxyConfig proxy,
        DrainConfig drain,
        ObserveConfig observe) {
    /** One that tells nothing of its traffic beside metrics. */
    public DataPlaneConfig(
            String name, SyncConfig sync, InetSocketAddress admin, ProxyConfig proxy, DrainConfig drain) {
        this(name, sync, admin, proxy, drain, ObserveConfig.NOTHING);
    }

    /** Refuses a name that the operator would refuse. */
    public DataPlaneConfig {
        if (!ApplyReport.isName(name)) {
            throw new IllegalArgumentException("name: \"" + name + "\" (expected: letters, digits, . _ -)");
        }
    }
}

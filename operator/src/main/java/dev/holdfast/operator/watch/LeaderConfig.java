package dev.holdfast.operator.watch;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The election of the replica that writes status.
 *
 * @param namespace where the Lease is
 * @param identity unique among the replicas, the pod's name in a cluster
 * @param lease how long a leader that is not heard of stays one; it renews within two thirds of it
 * @param owner a ConfigMap beside the Lease, with which the Lease goes (docs/decisions/0012); null for none
 */
public record LeaderConfig(
        String namespace,
        String name,
        String identity,
        Duration lease,
        @Nullable String owner) {
    /** Refuses a lease too short to be renewed. */
    public LeaderConfig {
        if (lease.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new IllegalArgumentException("leader-election.lease: " + lease + " (expected: 1s or more)");
        }
    }
}

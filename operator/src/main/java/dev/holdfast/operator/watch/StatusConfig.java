package dev.holdfast.operator.watch;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How status is written.
 *
 * @param publishService {@code namespace/name} of the Service whose addresses every Ingress shows; null for none
 * @param publishAddresses addresses that every Ingress shows when no Service is named; empty leaves that status alone
 * @param patch how the API server takes a status
 * @param gather how long to wait after a change, so that a compile and the answers of the data planes become one write
 * @param settle how long after the first compile, or after leadership began, missing data planes may still be on their way
 */
public record StatusConfig(
        @Nullable String publishService, List<String> publishAddresses, Patch patch, Duration gather, Duration settle) {
    /** How the API server takes a status. */
    public enum Patch {
        /** With a fixed field manager: what other managers wrote stays, and a new leader is the same manager. */
        SERVER_SIDE_APPLY,
        /** The difference to what was last seen, for an API server that has no server-side apply. */
        JSON_PATCH
    }

    /** Copies the list; refuses a Service without namespace. */
    public StatusConfig {
        publishAddresses = List.copyOf(publishAddresses);
        if (publishService != null && !publishService.matches("[^/]+/[^/]+")) {
            throw new IllegalArgumentException(
                    "publish-service: \"" + publishService + "\" (expected: namespace/name of a Service)");
        }
    }

    /**
     * Server-side apply, changes gathered for 200 ms, 90 s for data planes to connect: they may hear of a new replica's address
     * only when the cluster's DNS, the JVM and they themselves look again.
     */
    public static StatusConfig of(@Nullable String publishService, List<String> publishAddresses) {
        return new StatusConfig(
                publishService,
                publishAddresses,
                Patch.SERVER_SIDE_APPLY,
                Duration.ofMillis(200),
                Duration.ofSeconds(90));
    }
}

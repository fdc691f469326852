package dev.holdfast.dataplane.admin;

import java.util.Optional;

/** Whether new traffic shall come. */
@FunctionalInterface
public interface Readiness {
    /** One sentence on why not; empty when ready. */
    Optional<String> unreadyBecause();
}

package dev.holdfast.operator;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.publish.PublishedTable;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import java.time.Duration;

/**
 * One finished run of the compile loop.
 *
 * @param snapshot what was compiled
 * @param result what came out
 * @param published the current table after it; its version is the one before when nothing changed
 * @param took from reading the snapshot to the published table
 */
public record Compilation(ClusterSnapshot snapshot, CompileResult result, PublishedTable published, Duration took) {}

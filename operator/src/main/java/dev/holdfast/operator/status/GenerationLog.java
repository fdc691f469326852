package dev.holdfast.operator.status;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.diagnostic.Severity;
import dev.holdfast.routetable.TableVersion;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Since which table version each object is served as it is now, and which versions there were. A data plane that serves
 * that version or a later one serves the object. Tables are known by digest: what another publisher called a version has
 * another sequence, and a table that comes back is as new as it was. Thread-safe.
 */
public final class GenerationLog {
    private static final int VERSIONS_MAX = 4_096;

    private final Map<String, Long> sequences = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > VERSIONS_MAX;
        }
    };

    private Map<ResourceRef, Since> objects = Map.of();
    private Map<String, Long> reached = Map.of();

    /** What a new version would change: anything but the number of endpoints. */
    private record State(String uid, long generation, int routes, List<Diagnostic> errors) {}

    private record Since(State state, long sequence) {}

    /** Notes a compile, the version that was current after it. */
    public synchronized void compiled(CompileResult result, TableVersion version) {
        sequences.put(version.digest(), version.sequence());
        Map<ResourceRef, List<Diagnostic>> errors = new HashMap<>();
        for (Diagnostic diagnostic : result.diagnostics()) {
            if (diagnostic.code().severity() == Severity.ERROR) {
                errors.computeIfAbsent(diagnostic.subject(), subject -> new ArrayList<>())
                        .add(diagnostic);
            }
        }
        Map<ResourceRef, Since> next = HashMap.newHashMap(result.subjects().size());
        result.subjects().forEach((ref, subject) -> {
            State state = new State(
                    subject.uid(), subject.generation(), subject.routes(), errors.getOrDefault(ref, List.of()));
            Since before = objects.get(ref);
            boolean same = before != null && before.state.equals(state);
            next.put(ref, same ? before : new Since(state, version.sequence()));
        });
        objects = next;
    }

    /**
     * Notes what each data plane serves. A table that only another replica made, from events that it gathered in another
     * order, says nothing of how far its data plane is: it is taken to be where it was last known to be.
     *
     * @param served by the names of all data planes that are connected
     */
    public synchronized void served(Map<String, TableVersion> served) {
        Map<String, Long> next = HashMap.newHashMap(served.size());
        served.forEach((dataPlane, version) -> {
            Long sequence = sequences.get(version.digest());
            Long known = sequence == null ? reached.get(dataPlane) : sequence;
            if (known != null) {
                next.put(dataPlane, known);
            }
        });
        reached = next;
    }

    /** How many data planes serve the object as it is now. */
    public synchronized int serving(ResourceRef ref) {
        Since since = objects.get(ref);
        if (since == null) {
            return 0;
        }
        int count = 0;
        for (long sequence : reached.values()) {
            count += sequence >= since.sequence ? 1 : 0;
        }
        return count;
    }
}

package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;

/** One object of our class, translated. The natural order is age: the first of two wins a conflict. */
public record Translation(
        Source source, List<RouteIntent> routes, List<TlsIntent> certificates, List<Diagnostic> diagnostics)
        implements Comparable<Translation> {
    /** Copies the lists. */
    public Translation {
        routes = List.copyOf(routes);
        certificates = List.copyOf(certificates);
        diagnostics = List.copyOf(diagnostics);
    }

    /** The object that was translated. */
    public record Source(ResourceRef ref, String uid, Instant created, long generation) {
        /** The order in which objects win: older first, then by namespace, name and kind. */
        static final Comparator<Source> AGE = Comparator.comparing(Source::created)
                .thenComparing(source -> source.ref().namespace())
                .thenComparing(source -> source.ref().name())
                .thenComparing(source -> source.ref().kind());

        /** The object that a view was made of. */
        public static Source of(String kind, Meta meta) {
            return new Source(meta.ref(kind), meta.uid(), meta.created(), meta.generation());
        }
    }

    /** An object of which nothing can be served. */
    public static Translation nothing(Source source, List<Diagnostic> diagnostics) {
        return new Translation(source, List.of(), List.of(), diagnostics);
    }

    @Override
    public int compareTo(Translation other) {
        return Source.AGE.compare(source, other.source);
    }
}

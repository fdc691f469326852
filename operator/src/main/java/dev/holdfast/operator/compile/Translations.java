package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.translate.ClassSelector;
import dev.holdfast.operator.compile.translate.IngressTranslator;
import dev.holdfast.operator.compile.translate.Translation;
import dev.holdfast.operator.compile.translate.Translation.Source;
import dev.holdfast.operator.compile.translate.WebSocketRouteTranslator;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Translates the objects of our class. A translation depends on its view alone and views never change, so that of a view
 * which the last snapshot held too is taken over; what this snapshot does not hold is forgotten.
 */
final class Translations {
    private Map<Object, Translation> known = new IdentityHashMap<>();

    /** Every object of our class, the oldest first. */
    List<Translation> of(ClusterSnapshot snapshot, CompileOptions options) {
        ClassSelector classes = new ClassSelector(snapshot.classes(), options.controllerValue(), options.className());
        Map<Object, Translation> current = new IdentityHashMap<>(known.size() + 16);
        List<Translation> translations = new ArrayList<>(known.size() + 16);
        for (IngressView view : snapshot.ingresses()) {
            if (classes.isOurs(view)) {
                Supplier<Translation> translate = () -> IngressTranslator.translate(view);
                Translation translation = translation(view, "Ingress", view.meta(), translate);
                current.put(view, translation);
                translations.add(translation);
            }
        }
        for (WebSocketRouteView view : snapshot.webSocketRoutes()) {
            if (classes.isOurs(view)) {
                Supplier<Translation> translate = () -> WebSocketRouteTranslator.translate(view);
                Translation translation = translation(view, "WebSocketRoute", view.meta(), translate);
                current.put(view, translation);
                translations.add(translation);
            }
        }
        known = current;
        Collections.sort(translations);
        return translations;
    }

    private Translation translation(Object view, String kind, Meta meta, Supplier<Translation> translate) {
        Translation last = known.get(view);
        if (last != null) {
            return last;
        }
        // One object that nobody foresaw must never keep the others from being served.
        try {
            return translate.get();
        } catch (RuntimeException e) {
            Source source = Source.of(kind, meta);
            Findings findings = new Findings(source.ref());
            findings.add(DiagnosticCode.INVALID_SPEC, "spec", unforeseen(e));
            return Translation.nothing(source, findings.list());
        }
    }

    /** What an author is told of an exception that nobody foresaw. */
    static String unforeseen(RuntimeException e) {
        return e instanceof IllegalArgumentException refusal
                ? String.valueOf(refusal.getMessage())
                : "cannot be compiled (" + e.getClass().getSimpleName() + "); please report it";
    }
}

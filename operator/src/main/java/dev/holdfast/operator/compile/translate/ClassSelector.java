package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.snapshot.ClusterSnapshot.ClassView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** Decides which objects are ours. What belongs to another controller is none of our business and is never reported. */
public final class ClassSelector {
    private static final String OLD_ANNOTATION = "kubernetes.io/ingress.class";
    private static final String CLASS_OF_ROUTES = "holdfast";

    private final Set<String> ours = new HashSet<>();
    private final Set<String> foreign = new HashSet<>();
    private final String className;
    private final boolean defaultIsOurs;

    /**
     * Reads the classes.
     *
     * @param controllerValue classes with this {@code spec.controller} are ours
     * @param className ours even where no IngressClass of this name exists
     */
    public ClassSelector(List<ClassView> classes, String controllerValue, String className) {
        boolean ourDefault = false;
        boolean foreignDefault = false;
        for (ClassView view : classes) {
            boolean isOurs = view.controller().equals(controllerValue);
            (isOurs ? ours : foreign).add(view.name());
            ourDefault |= isOurs && view.isDefault();
            foreignDefault |= !isOurs && view.isDefault();
        }
        this.className = className;
        this.defaultIsOurs = ourDefault && !foreignDefault;
    }

    /** By {@code spec.ingressClassName}, else by the old annotation, else by the default class. */
    public boolean isOurs(IngressView ingress) {
        String name = classOf(ingress);
        if (name.isEmpty()) {
            return defaultIsOurs;
        }
        return isSpecified(ingress) ? isOurs(name) : name.equals(className) || ours.contains(name);
    }

    /** What an Ingress names: {@code spec.ingressClassName}, else the old annotation, else nothing. */
    public static String classOf(IngressView ingress) {
        if (isSpecified(ingress)) {
            return ingress.spec().getIngressClassName();
        }
        return Objects.requireNonNullElse(ingress.meta().annotations().get(OLD_ANNOTATION), "");
    }

    private static boolean isSpecified(IngressView ingress) {
        String name = ingress.spec().getIngressClassName();
        return name != null && !name.isEmpty();
    }

    /**
     * By {@code spec.ingressClassName}, else by the default class, else by the class {@value #CLASS_OF_ROUTES}; where there
     * is none of that name, by the class of our name, for nobody else knows the kind.
     */
    public boolean isOurs(WebSocketRouteView route) {
        String name = route.className();
        if (name != null) {
            return isOurs(name);
        }
        boolean isNamed = ours.contains(CLASS_OF_ROUTES) || foreign.contains(CLASS_OF_ROUTES);
        return defaultIsOurs || isOurs(isNamed ? CLASS_OF_ROUTES : className);
    }

    private boolean isOurs(String name) {
        return ours.contains(name) || name.equals(className) && !foreign.contains(name);
    }
}

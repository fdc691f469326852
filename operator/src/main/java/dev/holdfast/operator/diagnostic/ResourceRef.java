package dev.holdfast.operator.diagnostic;

/**
 * Names one Kubernetes object.
 *
 * @param namespace empty for a cluster-scoped object
 */
public record ResourceRef(String kind, String namespace, String name) implements Comparable<ResourceRef> {
    @Override
    public int compareTo(ResourceRef other) {
        int order = kind.compareTo(other.kind);
        order = order == 0 ? namespace.compareTo(other.namespace) : order;
        return order == 0 ? name.compareTo(other.name) : order;
    }

    /** {@code Kind namespace/name}. */
    @Override
    public String toString() {
        return namespace.isEmpty() ? kind + " " + name : kind + " " + namespace + "/" + name;
    }
}

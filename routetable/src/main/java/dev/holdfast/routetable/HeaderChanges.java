package dev.holdfast.routetable;

import java.util.List;

/**
 * Changes to the headers of a message, made in this order: remove, set (replaces every value of the name), add.
 */
public record HeaderChanges(List<Header> set, List<Header> add, List<String> remove) {
    /** Changes nothing. */
    public static final HeaderChanges NONE = new HeaderChanges(List.of(), List.of(), List.of());

    /** One name with one value. */
    public record Header(String name, String value) {
        /** Refuses a name that is no token and a value with control characters. */
        public Header {
            Bounds.token("header.name", name);
            Bounds.fieldValue("header.value", value);
        }
    }

    /** Copies the lists; refuses more changes than {@link Bounds#HEADER_CHANGES_MAX} of a kind. */
    public HeaderChanges {
        set = List.copyOf(set);
        add = List.copyOf(add);
        remove = List.copyOf(remove);
        Bounds.size("set", set, Bounds.HEADER_CHANGES_MAX);
        Bounds.size("add", add, Bounds.HEADER_CHANGES_MAX);
        Bounds.size("remove", remove, Bounds.HEADER_CHANGES_MAX);
        remove.forEach(name -> Bounds.token("remove", name));
    }

    /** Whether there is nothing to change. */
    public boolean isEmpty() {
        return set.isEmpty() && add.isEmpty() && remove.isEmpty();
    }
}

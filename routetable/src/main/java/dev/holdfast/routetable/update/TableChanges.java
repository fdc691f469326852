package dev.holdfast.routetable.update;

import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The difference of two tables, by key of each section. {@code between(a, b).applyTo(a)} equals {@code b}. */
public record TableChanges(
        SectionChange<VirtualHost> virtualHosts,
        SectionChange<Upstream> upstreams,
        SectionChange<EndpointGroup> endpoints,
        SectionChange<Certificate> certificates) {

    /**
     * The difference of one section.
     *
     * @param put new and changed entries by key
     * @param removed keys that are gone
     */
    public record SectionChange<T>(SortedMap<String, T> put, SortedSet<String> removed) {
        /** Copies; refuses a key that is both put and removed. */
        public SectionChange {
            put = Collections.unmodifiableSortedMap(new TreeMap<>(put));
            removed = Collections.unmodifiableSortedSet(new TreeSet<>(removed));
            for (String key : removed) {
                if (put.containsKey(key)) {
                    throw new IllegalArgumentException(
                            "removed: \"" + key + "\" is put as well (expected: one of both)");
                }
            }
        }

        /** Whether nothing changed. */
        public boolean isEmpty() {
            return put.isEmpty() && removed.isEmpty();
        }

        /** How many entries it names. */
        public int size() {
            return put.size() + removed.size();
        }

        SectionChange<T> then(SectionChange<T> next) {
            if (next.isEmpty()) {
                return this;
            }
            TreeMap<String, T> bothPut = new TreeMap<>(put);
            bothPut.keySet().removeAll(next.removed);
            bothPut.putAll(next.put);
            TreeSet<String> bothRemoved = new TreeSet<>(removed);
            bothRemoved.removeAll(next.put.keySet());
            bothRemoved.addAll(next.removed);
            return new SectionChange<>(bothPut, bothRemoved);
        }

        static <T> SectionChange<T> between(SortedMap<String, T> before, SortedMap<String, T> after) {
            TreeMap<String, T> put = new TreeMap<>();
            TreeSet<String> removed = new TreeSet<>();
            Iterator<Map.Entry<String, T>> olds = before.entrySet().iterator();
            Map.Entry<String, T> old = next(olds);
            // Both are in the order of keys, so one walk over both finds every difference.
            for (Map.Entry<String, T> now : after.entrySet()) {
                int order = old == null ? 1 : old.getKey().compareTo(now.getKey());
                while (old != null && order < 0) {
                    removed.add(old.getKey());
                    old = next(olds);
                    order = old == null ? 1 : old.getKey().compareTo(now.getKey());
                }
                if (old == null || order > 0) {
                    put.put(now.getKey(), now.getValue());
                } else {
                    if (!Objects.equals(old.getValue(), now.getValue())) {
                        put.put(now.getKey(), now.getValue());
                    }
                    old = next(olds);
                }
            }
            for (; old != null; old = next(olds)) {
                removed.add(old.getKey());
            }
            return new SectionChange<>(put, removed);
        }

        private static <T> Map.@Nullable Entry<String, T> next(Iterator<Map.Entry<String, T>> entries) {
            return entries.hasNext() ? entries.next() : null;
        }

        NavigableMap<String, T> applyTo(NavigableMap<String, T> section) {
            if (isEmpty()) {
                return section;
            }
            TreeMap<String, T> result = new TreeMap<>(section);
            result.keySet().removeAll(removed);
            result.putAll(put);
            return result;
        }
    }

    /** What must change in {@code before} to make it {@code after}. */
    public static TableChanges between(RouteTable before, RouteTable after) {
        return new TableChanges(
                SectionChange.between(before.virtualHosts(), after.virtualHosts()),
                SectionChange.between(before.upstreams(), after.upstreams()),
                SectionChange.between(before.endpoints(), after.endpoints()),
                SectionChange.between(before.certificates(), after.certificates()));
    }

    /**
     * The table after the changes; it shares every unchanged entry with {@code table}.
     *
     * @throws IllegalArgumentException if the result would hold a reference that does not resolve
     */
    public RouteTable applyTo(RouteTable table) {
        return new RouteTable(
                virtualHosts.applyTo(table.virtualHosts()),
                upstreams.applyTo(table.upstreams()),
                endpoints.applyTo(table.endpoints()),
                certificates.applyTo(table.certificates()));
    }

    /**
     * These changes, followed by others: {@code a.then(b).applyTo(t)} equals {@code b.applyTo(a.applyTo(t))}. It may
     * remove a key that was never there.
     */
    public TableChanges then(TableChanges next) {
        return new TableChanges(
                virtualHosts.then(next.virtualHosts),
                upstreams.then(next.upstreams),
                endpoints.then(next.endpoints),
                certificates.then(next.certificates));
    }

    /** How many entries it names. */
    public int size() {
        return virtualHosts.size() + upstreams.size() + endpoints.size() + certificates.size();
    }

    /** Whether nothing changed. */
    public boolean isEmpty() {
        return virtualHosts.isEmpty() && upstreams.isEmpty() && endpoints.isEmpty() && certificates.isEmpty();
    }
}

package dev.holdfast.dataplane.sync;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The operator's replicas, one URL for each address of its names. Which one is taken is chance, so that data planes
 * spread over them; the one that was taken last is taken again only if there is no other. Thread-safe.
 */
final class Replicas {
    private static final int REPLICAS_MAX = 16;

    /** Finds the addresses of a name. */
    @FunctionalInterface
    interface Lookup {
        InetAddress[] addresses(String name) throws UnknownHostException;
    }

    private final List<URI> urls;
    private final Lookup lookup;
    private final Random random;
    private volatile List<URI> known = List.of();
    private @Nullable URI last;

    Replicas(List<URI> urls, Lookup lookup, Random random) {
        this.urls = urls;
        this.lookup = lookup;
        this.random = random;
    }

    /**
     * The replica to try now.
     *
     * @throws IOException if no name has an address
     */
    synchronized URI next() throws IOException {
        List<URI> choice = new ArrayList<>(refresh());
        if (choice.size() > 1) {
            choice.remove(last);
        }
        URI chosen = choice.get(random.nextInt(choice.size()));
        last = chosen;
        return chosen;
    }

    /** Looks the names up again, and returns every replica; may take as long as a name server. */
    List<URI> refresh() throws IOException {
        Set<URI> found = new LinkedHashSet<>();
        List<String> unknown = new ArrayList<>();
        for (URI url : urls) {
            try {
                found.addAll(replicas(url));
            } catch (UnknownHostException e) {
                unknown.add(url.getHost());
            }
        }
        if (found.isEmpty()) {
            throw new UnknownHostException("operator: " + unknown + " (expected: names that have an address)");
        }
        List<URI> bounded = new ArrayList<>(found);
        Collections.shuffle(bounded, random);
        known = List.copyOf(bounded.subList(0, Math.min(bounded.size(), REPLICAS_MAX)));
        return known;
    }

    /** Every replica, as of the last look. */
    List<URI> known() {
        return known;
    }

    private List<URI> replicas(URI url) throws UnknownHostException {
        String host = url.getHost();
        if (OperatorAccess.isLoopback(host) || host.startsWith("[")) {
            return List.of(url);
        }
        List<URI> found = new ArrayList<>();
        for (InetAddress address : lookup.addresses(host)) {
            String literal = address.getHostAddress();
            String authority = literal.indexOf(':') < 0 ? literal : "[" + literal.replaceAll("%.*", "") + "]";
            found.add(URI.create(url.getScheme() + "://" + authority + ":" + url.getPort()));
        }
        return found;
    }
}

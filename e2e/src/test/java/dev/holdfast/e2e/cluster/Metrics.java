package dev.holdfast.e2e.cluster;

import dev.holdfast.e2e.traffic.RawGet;
import java.io.IOException;

/** What a pod says of itself. */
final class Metrics {
    private Metrics() {}

    /** The sum of all series of a name; 0 if there is none. */
    static double sum(int port, String name) {
        return sum(port, name, "");
    }

    /** The sum of those series of a name that have a label, as {@code kind="full"}; 0 if there is none. */
    static double sum(int port, String name, String label) {
        try (RawGet connection = new RawGet(port, "metrics", "/metrics")) {
            return connection
                    .get()
                    .body()
                    .lines()
                    .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                    .filter(line -> line.contains(label))
                    .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                    .sum();
        } catch (IOException e) {
            return 0;
        }
    }
}

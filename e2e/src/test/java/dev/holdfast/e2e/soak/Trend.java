package dev.holdfast.e2e.soak;

import java.util.ArrayList;
import java.util.List;

/** A straight line through measurements by least squares. One thread. */
final class Trend {
    private record Point(double hours, double value) {}

    private final List<Point> points = new ArrayList<>();

    void add(double hours, double value) {
        points.add(new Point(hours, value));
    }

    /** Forgets what was measured. */
    void clear() {
        points.clear();
    }

    /** Rise per hour; 0 with fewer than two measurements. */
    double slopePerHour() {
        double meanHours = points.stream().mapToDouble(Point::hours).average().orElse(0);
        double meanValue = points.stream().mapToDouble(Point::value).average().orElse(0);
        double together = 0;
        double alone = 0;
        for (Point point : points) {
            together += (point.hours - meanHours) * (point.value - meanValue);
            alone += (point.hours - meanHours) * (point.hours - meanHours);
        }
        return alone == 0 ? 0 : together / alone;
    }

    /** From the first measurement to the last. */
    double hours() {
        return points.isEmpty() ? 0 : points.getLast().hours - points.getFirst().hours;
    }

    /** The last measurement, 0 without any. */
    double last() {
        return points.isEmpty() ? 0 : points.getLast().value;
    }

    /**
     * Whether the slope is within the limit. The noise of a few minutes, extrapolated to an hour, says nothing: over a
     * short time the line may rise by {@code noise} as a whole.
     */
    boolean isFlat(double limitPerHour, double noise) {
        return slopePerHour() <= limitPerHour(limitPerHour, noise);
    }

    /** The limit that applies to the time measured; infinite for a single measurement. */
    double limitPerHour(double limitPerHour, double noise) {
        return hours() == 0 ? Double.POSITIVE_INFINITY : Math.max(limitPerHour, noise / hours());
    }
}

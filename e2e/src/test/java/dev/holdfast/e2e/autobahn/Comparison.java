package dev.holdfast.e2e.autobahn;

import dev.holdfast.e2e.autobahn.Report.Verdict;
import java.util.ArrayList;
import java.util.List;

/**
 * What the way through the proxy changed. One line per case and list.
 *
 * @param newFailures cases that pass directly and fail through us, or are missing there
 * @param flips cases that pass both ways with another word, strict here and non-strict there, or that only fail directly
 * @param closeCodes cases whose close code differs though the verdict is the same
 */
record Comparison(List<String> newFailures, List<String> flips, List<String> closeCodes) {
    /** Compares two reports of the same cases. */
    static Comparison of(Report direct, Report through) {
        List<String> newFailures = new ArrayList<>();
        List<String> flips = new ArrayList<>();
        List<String> closeCodes = new ArrayList<>();
        direct.cases().forEach((number, before) -> {
            Verdict after = through.cases().get(number);
            String line = number + ": " + before + " -> " + after;
            if (after == null) {
                newFailures.add(number + ": " + before + " -> not run");
            } else if (after.isFailure() && !before.isFailure()) {
                newFailures.add(line);
            } else if (!after.behavior().equals(before.behavior())
                    || !after.close().equals(before.close())) {
                flips.add(line);
            } else if (!after.closeCode().equals(before.closeCode())) {
                closeCodes.add(line);
            }
        });
        return new Comparison(newFailures, flips, closeCodes);
    }

    /** Whether the proxy is as good as none. */
    boolean isPassed(int flipsMax) {
        return newFailures.isEmpty() && closeCodes.isEmpty() && flips.size() <= flipsMax;
    }
}

package dev.holdfast.operator.diagnostic;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Finds what a person probably meant when a name is not known. */
public final class NearestName {
    private static final int CHARS_MAX = 64;

    /** A name that is part of a known one is near only if it says something. */
    private static final int PART_CHARS_MIN = 4;

    private NearestName() {}

    /** The known name that differs from {@code name} by few letters or contains it; the first in sort order of several. */
    public static Optional<String> of(String name, Collection<String> known) {
        String best = null;
        int least = Integer.MAX_VALUE;
        if (name.length() <= CHARS_MAX) {
            for (String candidate : known) {
                int distance = distance(name.toLowerCase(Locale.ROOT), candidate.toLowerCase(Locale.ROOT));
                boolean part = name.length() >= PART_CHARS_MIN && candidate.contains(name);
                boolean near = part || distance <= Math.max(1, Math.min(name.length(), candidate.length()) / 3);
                boolean better = distance < least || distance == least && best != null && candidate.compareTo(best) < 0;
                if (near && better) {
                    best = candidate;
                    least = distance;
                }
            }
        }
        return Optional.ofNullable(best);
    }

    /** Levenshtein distance: letters to insert, remove or replace. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}

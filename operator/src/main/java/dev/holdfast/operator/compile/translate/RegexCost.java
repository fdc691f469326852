package dev.holdfast.operator.compile.translate;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Estimates how many instructions RE2 makes of an expression, without compiling it: counted repetition multiplies, so
 * {@code ((a{1000}){1000}){1000}} is short to write and would take all memory of every process that compiles it.
 */
public final class RegexCost {
    /** Most instructions; an expression of the greatest length without counted repetition has about half. */
    static final int INSTRUCTIONS_MAX = 2000;

    private static final Pattern COUNTED = Pattern.compile("\\{([0-9]{1,9})(,([0-9]{0,9}))?\\}");

    private static final Pattern FLAGS = Pattern.compile("\\(\\?[a-zA-Z-]*\\)");
    /** What a group begins with that has a name, or flags, or captures nothing. */
    private static final Pattern PREFIX = Pattern.compile("\\(\\?(P?<[^>]*>|[a-zA-Z-]*:)");

    private final String text;
    private final Matcher counted;
    private final Matcher flags;
    private final Matcher prefix;
    private final Deque<Group> groups = new ArrayDeque<>();
    private Group group = new Group();

    /**
     * What an expression costs.
     *
     * @param instructions what it is compiled to, and so the memory it takes
     * @param alive how many of them a matcher may have to try for each character: those from the first choice on, a
     *     repetition or an alternative; before it there is one way only
     */
    public record Cost(int instructions, int alive) {}

    /** The instructions of a group so far, those of them that may be alive at once, and both of its last atom. */
    private static final class Group {
        private long size;
        private long alive;
        private long atom;
        private long atomAlive;

        void add(long added, long addedAlive) {
            size = capped(size + added);
            atom = added;
            atomAlive = alive > 0 ? added : addedAlive;
            alive = capped(alive + atomAlive);
        }

        /** Puts something of another size in the place of the last atom, all of it alive unless {@code fixed}. */
        void resize(long resized, boolean fixed) {
            long resizedAlive = fixed && atomAlive == 0 ? 0 : resized;
            size = capped(size - atom + resized);
            alive = capped(alive - atomAlive + resizedAlive);
            atom = resized;
            atomAlive = resizedAlive;
        }
    }

    private RegexCost(String text) {
        this.text = text;
        this.counted = COUNTED.matcher(text);
        this.flags = FLAGS.matcher(text);
        this.prefix = PREFIX.matcher(text);
    }

    /** The estimate; at most about {@link Integer#MAX_VALUE}, however great it really is. */
    static int instructions(String text) {
        return of(text).instructions();
    }

    /** The estimate of both. */
    public static Cost of(String text) {
        return new RegexCost(text).count();
    }

    private Cost count() {
        int i = 0;
        while (i < text.length()) {
            char c = text.charAt(i);
            switch (c) {
                case '\\' -> i = escape(i);
                case '[' -> i = characterClass(i);
                case '(' -> i = open(i);
                case ')' -> close();
                case '{' -> i = repetition(i);
                case '*', '+', '?' -> repeated();
                case '|' -> alternative();
                default -> atom();
            }
            i++;
        }
        while (!groups.isEmpty()) {
            close();
        }
        return new Cost((int) group.size, (int) group.alive);
    }

    private void atom() {
        group.add(1, 0);
    }

    /** Flags alone, {@code (?i)}, are no atom: a count behind them repeats what stands before them. */
    private int open(int start) {
        flags.region(start, text.length());
        if (flags.lookingAt()) {
            return flags.end() - 1;
        }
        groups.push(group);
        group = new Group();
        prefix.region(start, text.length());
        return prefix.lookingAt() ? prefix.end() - 1 : start;
    }

    /** What is repeated without a count is as long as it was, and a step: a count may still come behind flags. */
    private void repeated() {
        group.resize(capped(group.atom + 1), false);
    }

    /** What stands before it in the group is an alternative as well. */
    private void alternative() {
        group.add(1, 1);
        group.alive = group.size;
    }

    private void close() {
        if (!groups.isEmpty()) {
            Group closed = group;
            group = groups.pop();
            group.add(closed.size + 2, closed.alive == 0 ? 0 : closed.alive + 2);
        }
    }

    /** Each character is an atom up to {@code \E}, none if there is none; returns the index of the last one. */
    private int quoted(int start) {
        int end = text.indexOf("\\E", start);
        for (int i = start; i < (end < 0 ? text.length() : end); i++) {
            atom();
        }
        return end < 0 ? text.length() - 1 : end + 1;
    }

    /** Skips {@code \d}, {@code \p{Greek}} and {@code \x{10FFFF}}; returns the index of its last character. */
    private int escape(int start) {
        int next = start + 1;
        if (text.startsWith("Q", next)) {
            return quoted(next + 1);
        }
        atom();
        boolean braces = next + 1 < text.length()
                && "px".indexOf(String.valueOf(text.charAt(next)).toLowerCase(Locale.ROOT)) >= 0
                && text.charAt(next + 1) == '{';
        int end = braces ? text.indexOf('}', next) : -1;
        return end < 0 ? next : end;
    }

    private int characterClass(int start) {
        atom();
        int i = start + 1;
        if (i < text.length() && text.charAt(i) == '^') {
            i++;
        }
        if (i < text.length() && text.charAt(i) == ']') {
            i++;
        }
        while (i < text.length() && text.charAt(i) != ']') {
            boolean named = text.startsWith("[:", i) && text.indexOf(":]", i + 2) > 0;
            i = named ? text.indexOf(":]", i + 2) + 2 : i + (text.charAt(i) == '\\' ? 2 : 1);
        }
        return i;
    }

    private int repetition(int start) {
        counted.region(start, text.length());
        if (!counted.lookingAt()) {
            atom();
            return start;
        }
        long least = Long.parseLong(counted.group(1));
        String upper = counted.group(3);
        long most = upper == null || upper.isEmpty() ? least + 1 : Long.parseLong(upper);
        long times = Math.max(1, Math.max(least, most));
        boolean fixed = upper == null || least == most;
        group.resize(capped(group.atom * times), fixed);
        return counted.end() - 1;
    }

    private static long capped(long size) {
        return Math.min(size, Integer.MAX_VALUE);
    }
}

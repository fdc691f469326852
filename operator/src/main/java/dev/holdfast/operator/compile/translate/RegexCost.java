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
final class RegexCost {
    /** Most instructions; an expression of the greatest length without counted repetition has about half. */
    static final int INSTRUCTIONS_MAX = 2000;

    private static final Pattern COUNTED = Pattern.compile("\\{([0-9]{1,9})(,([0-9]{0,9}))?\\}");

    private static final Pattern FLAGS = Pattern.compile("\\(\\?[a-zA-Z-]*\\)");

    private final String text;
    private final Matcher counted;
    private final Matcher flags;
    private final Deque<long[]> groups = new ArrayDeque<>();
    /** Instructions of the current group, and of its last atom. */
    private long[] group = new long[2];

    private RegexCost(String text) {
        this.text = text;
        this.counted = COUNTED.matcher(text);
        this.flags = FLAGS.matcher(text);
    }

    /** The estimate; at most about {@link Integer#MAX_VALUE}, however great it really is. */
    static int instructions(String text) {
        return new RegexCost(text).count();
    }

    private int count() {
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
                default -> atom();
            }
            i++;
        }
        while (!groups.isEmpty()) {
            close();
        }
        return (int) Math.min(group[0], Integer.MAX_VALUE);
    }

    private void atom() {
        add(1);
    }

    private void add(long size) {
        group[0] = capped(group[0] + size);
        group[1] = size;
    }

    /** Flags alone, {@code (?i)}, are no atom: a count behind them repeats what stands before them. */
    private int open(int start) {
        flags.region(start, text.length());
        if (flags.lookingAt()) {
            return flags.end() - 1;
        }
        groups.push(group);
        group = new long[2];
        return start;
    }

    /** What is repeated without a count is as long as it was, and a step: a count may still come behind flags. */
    private void repeated() {
        group[0] = capped(group[0] + 1);
        group[1] = capped(group[1] + 1);
    }

    private void close() {
        long size = group[0] + 2;
        if (!groups.isEmpty()) {
            group = groups.pop();
            add(size);
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
        if (!counted.find(start) || counted.start() != start) {
            atom();
            return start;
        }
        long least = Long.parseLong(counted.group(1));
        String upper = counted.group(3);
        long most = upper == null || upper.isEmpty() ? least + 1 : Long.parseLong(upper);
        long times = Math.max(1, Math.max(least, most));
        long size = capped(group[1] * times);
        group[0] = capped(group[0] - group[1] + size);
        group[1] = size;
        return counted.end() - 1;
    }

    private static long capped(long size) {
        return Math.min(size, Integer.MAX_VALUE);
    }
}

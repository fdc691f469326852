package dev.holdfast.dataplane.log;

import java.io.Serial;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** Gives what is at its level or above to the lines. Thread-safe. */
final class JsonLogger extends LegacyAbstractLogger {
    @Serial
    private static final long serialVersionUID = 1L;

    private final int lowest;
    private final transient JsonLines lines;

    JsonLogger(String name, int lowest, JsonLines lines) {
        this.name = name;
        this.lowest = lowest;
        this.lines = lines;
    }

    private boolean isEnabled(Level level) {
        return level.toInt() >= lowest;
    }

    @Override
    public boolean isTraceEnabled() {
        return isEnabled(Level.TRACE);
    }

    @Override
    public boolean isDebugEnabled() {
        return isEnabled(Level.DEBUG);
    }

    @Override
    public boolean isInfoEnabled() {
        return isEnabled(Level.INFO);
    }

    @Override
    public boolean isWarnEnabled() {
        return isEnabled(Level.WARN);
    }

    @Override
    public boolean isErrorEnabled() {
        return isEnabled(Level.ERROR);
    }

    @Override
    protected @Nullable String getFullyQualifiedCallerName() {
        return null;
    }

    @Override
    protected void handleNormalizedLoggingCall(
            Level level,
            @Nullable Marker marker,
            @Nullable String pattern,
            Object @Nullable [] arguments,
            @Nullable Throwable cause) {
        String message = String.valueOf(MessageFormatter.basicArrayFormat(pattern, arguments));
        lines.write(new JsonLines.Line(
                System.currentTimeMillis(), level, name, Thread.currentThread().getName(), message, cause));
    }
}

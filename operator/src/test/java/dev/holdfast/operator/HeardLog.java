package dev.holdfast.operator;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.config.Property;

/** What one logger says from warnings on, as long as this is open. */
final class HeardLog implements AutoCloseable {
    private final LoggerContext context = LoggerContext.getContext(false);
    private final String logger;
    private final List<String> lines = new CopyOnWriteArrayList<>();

    HeardLog(String logger) {
        this.logger = logger;
        Ear ear = new Ear();
        ear.start();
        LoggerConfig config = new LoggerConfig(logger, Level.WARN, false);
        config.addAppender(ear, Level.WARN, null);
        context.getConfiguration().addLogger(logger, config);
        context.updateLoggers();
    }

    /** Level and message, a line each. */
    List<String> lines() {
        return lines;
    }

    @Override
    public void close() {
        context.getConfiguration().removeLogger(logger);
        context.updateLoggers();
    }

    private final class Ear extends AbstractAppender {
        Ear() {
            super("ear", null, null, true, Property.EMPTY_ARRAY);
        }

        @Override
        public void append(LogEvent event) {
            lines.add(event.getLevel() + " " + event.getMessage().getFormattedMessage());
        }
    }
}

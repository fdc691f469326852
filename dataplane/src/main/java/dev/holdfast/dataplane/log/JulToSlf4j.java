package dev.holdfast.dataplane.log;

import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import java.util.logging.SimpleFormatter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Passes on what the JDK itself logs. Its constructor is the configuration of {@code java.util.logging} that the property
 * {@code java.util.logging.config.class} names, so that nothing is loaded before somebody logs that way.
 */
public final class JulToSlf4j {
    /** For {@code java.util.logging}. */
    public JulToSlf4j() {
        LogManager.getLogManager().getLogger("").addHandler(new Passing());
    }

    private static final class Passing extends Handler {
        private final SimpleFormatter formatter = new SimpleFormatter();

        @Override
        public void publish(@Nullable LogRecord message) {
            if (message == null) {
                return;
            }
            String name = message.getLoggerName();
            Logger to = LoggerFactory.getLogger(name == null ? "java.util.logging" : name);
            String text = formatter.formatMessage(message);
            int level = message.getLevel().intValue();
            if (level >= Level.SEVERE.intValue()) {
                to.error(text, message.getThrown());
            } else if (level >= Level.WARNING.intValue()) {
                to.warn(text, message.getThrown());
            } else if (level >= Level.INFO.intValue()) {
                to.info(text, message.getThrown());
            } else {
                to.debug(text, message.getThrown());
            }
        }

        @Override
        public void flush() {
            // Lines are written at once.
        }

        @Override
        public void close() {
            // Standard output stays open.
        }
    }
}

package dev.holdfast.dataplane.log;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/** One JSON object per line, with the field names of the Elastic Common Schema 1.2. Thread-safe; lines never mix. */
final class JsonLines {
    /** Longer texts are cut: one line is never more than a few of them. */
    static final int TEXT_CHARS_MAX = 16_384;

    private static final DateTimeFormatter MILLIS =
            new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

    private final OutputStream out;

    JsonLines(OutputStream out) {
        this.out = out;
    }

    /** What one line tells. */
    record Line(
            long atMillis,
            Level level,
            String logger,
            String thread,
            String message,
            @Nullable Throwable cause) {}

    void write(Line line) {
        byte[] bytes = json(line).getBytes(StandardCharsets.UTF_8);
        synchronized (out) {
            try {
                out.write(bytes);
            } catch (IOException e) {
                // Nobody reads standard output any more: there is nowhere left to tell it.
            }
        }
    }

    private static String json(Line line) {
        StringBuilder json = new StringBuilder(256).append('{');
        field(json, "@timestamp", MILLIS.format(Instant.ofEpochMilli(line.atMillis())));
        field(json, "ecs.version", "1.2.0");
        field(json, "log.level", line.level().name());
        field(json, "message", line.message());
        field(json, "process.thread.name", line.thread());
        field(json, "log.logger", line.logger());
        Throwable cause = line.cause();
        if (cause != null) {
            field(json, "error.type", cause.getClass().getName());
            String message = cause.getMessage();
            if (message != null) {
                field(json, "error.message", message);
            }
            StringWriter trace = new StringWriter();
            cause.printStackTrace(new PrintWriter(trace, true));
            field(json, "error.stack_trace", trace.toString());
        }
        return json.append("}\n").toString();
    }

    private static void field(StringBuilder json, String name, String value) {
        if (json.length() > 1) {
            json.append(',');
        }
        json.append('"').append(name).append("\":\"");
        int length = Math.min(value.length(), TEXT_CHARS_MAX);
        for (int i = 0; i < length; i++) {
            escaped(json, value.charAt(i));
        }
        json.append(length < value.length() ? "…\"" : "\"");
    }

    private static void escaped(StringBuilder json, char c) {
        switch (c) {
            case '"' -> json.append("\\\"");
            case '\\' -> json.append("\\\\");
            case '\n' -> json.append("\\n");
            case '\r' -> json.append("\\r");
            case '\t' -> json.append("\\t");
            default -> {
                if (c < 0x20) {
                    json.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                } else {
                    json.append(c);
                }
            }
        }
    }
}

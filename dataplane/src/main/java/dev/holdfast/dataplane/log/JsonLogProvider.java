package dev.holdfast.dataplane.log;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.event.Level;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.helpers.NOPMDCAdapter;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * What {@code -Dslf4j.provider} names in {@code deploy/dataplane.jvm}. Only there: a process that is more than a data
 * plane, and every test, has Log4j, which writes the same lines. The environment's {@code HOLDFAST_LOG_LEVEL} is the
 * lowest level that is written (default: info).
 */
public final class JsonLogProvider implements SLF4JServiceProvider {
    private static final int NOTHING = Integer.MAX_VALUE;

    private final IMarkerFactory markers = new BasicMarkerFactory();
    private final MDCAdapter context = new NOPMDCAdapter();
    private final ConcurrentHashMap<String, JsonLogger> loggers = new ConcurrentHashMap<>();
    private final ILoggerFactory factory;

    /** For SLF4J. */
    public JsonLogProvider() {
        JsonLines lines = new JsonLines(new FileOutputStream(FileDescriptor.out));
        int lowest = lowest(System.getenv("HOLDFAST_LOG_LEVEL"));
        this.factory = name -> loggers.computeIfAbsent(name, created -> new JsonLogger(created, lowest, lines));
    }

    /** Whether this process takes its loggers from here. */
    public static boolean isChosen() {
        return JsonLogProvider.class.getName().equals(System.getProperty("slf4j.provider"));
    }

    /** A level as SLF4J counts it; of a name that is none, that of info. */
    static int lowest(@Nullable String name) {
        return switch (name == null ? "" : name.strip().toLowerCase(Locale.ROOT)) {
            case "all", "trace" -> Level.TRACE.toInt();
            case "debug" -> Level.DEBUG.toInt();
            case "warn" -> Level.WARN.toInt();
            case "error" -> Level.ERROR.toInt();
            case "off" -> NOTHING;
            default -> Level.INFO.toInt();
        };
    }

    @Override
    public ILoggerFactory getLoggerFactory() {
        return factory;
    }

    @Override
    public IMarkerFactory getMarkerFactory() {
        return markers;
    }

    @Override
    public MDCAdapter getMDCAdapter() {
        return context;
    }

    @Override
    public String getRequestedApiVersion() {
        return "2.0.99";
    }

    @Override
    public void initialize() {
        // Everything is made with the object.
    }
}

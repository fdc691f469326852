package dev.holdfast.cli.manifest;

import static java.nio.file.StandardWatchEventKinds.ENTRY_CREATE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_DELETE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_MODIFY;
import static java.nio.file.StandardWatchEventKinds.OVERFLOW;

import io.methvin.watchservice.MacOSXListeningWatchService;
import io.methvin.watchservice.WatchablePath;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.Watchable;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * File events of a set of directories, as the platform tells them: inotify on Linux, FSEvents on macOS (where the JDK's
 * own service polls). Used by one thread.
 */
final class FileEvents implements AutoCloseable {
    private static final boolean MACOS =
            System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("mac");

    /**
     * What happened since the last call.
     *
     * @param paths entries that came, changed or went
     * @param incomplete events were lost, or the platform does not tell which entry: everything must be looked at
     */
    record Batch(Set<Path> paths, boolean incomplete) {
        static final Batch NONE = new Batch(Set.of(), false);
    }

    private final WatchService service;
    /** Linux has one key for a directory, by however many paths it is reached. */
    private final Map<WatchKey, Set<Path>> directories = new HashMap<>();

    FileEvents() throws IOException {
        this.service = MACOS
                ? new MacOSXListeningWatchService()
                : FileSystems.getDefault().newWatchService();
    }

    /** Follows a directory; again is harmless. */
    void follow(Path directory) throws IOException {
        Watchable watchable = MACOS ? new WatchablePath(directory) : directory;
        directories
                .computeIfAbsent(
                        watchable.register(service, ENTRY_CREATE, ENTRY_DELETE, ENTRY_MODIFY), key -> new HashSet<>())
                .add(directory);
    }

    /**
     * Waits for events.
     *
     * @param limit null waits without limit
     * @return at once what has gathered; nothing when the limit has passed
     */
    Batch await(@Nullable Duration limit) throws InterruptedException {
        WatchKey key = limit == null ? service.take() : service.poll(limit.toNanos(), TimeUnit.NANOSECONDS);
        if (key == null) {
            return Batch.NONE;
        }
        Set<Path> paths = new HashSet<>();
        boolean incomplete = MACOS;
        while (key != null) {
            Set<Path> here = directories.getOrDefault(key, Set.of());
            for (WatchEvent<?> event : key.pollEvents()) {
                if (event.kind() == OVERFLOW || here.isEmpty() || !(event.context() instanceof Path name)) {
                    incomplete = true;
                } else {
                    here.forEach(directory -> paths.add(directory.resolve(name)));
                }
            }
            if (!key.reset()) {
                directories.remove(key);
                incomplete = true;
            }
            key = service.poll();
        }
        return new Batch(paths, incomplete);
    }

    @Override
    public void close() throws IOException {
        service.close();
    }
}

package dev.holdfast.cli.manifest;

import dev.holdfast.cli.manifest.ManifestTree.Belief;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ObjectSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory of manifests as the source of objects, followed by file events. Only a file that changed is read again.
 * One thread reads; snapshots can be taken from any.
 */
public final class DirectorySource implements ObjectSource {
    private static final Logger LOG = LoggerFactory.getLogger(DirectorySource.class);

    /** A file that was written just now is read when it has rested so long: its writer may not be done. */
    private static final Duration REST = Duration.ofMillis(3);
    /** File systems note times coarsely, so a file that looks this old can be just written. */
    private static final Duration JUST_WRITTEN = Duration.ofMillis(12);
    /** A loss in a file that was not replaced as a whole is believed after so long without an event. */
    private static final Duration QUIET = Duration.ofMillis(30);
    /** A writer that never rests is read all the same. */
    private static final Duration REST_MAX = Duration.ofMillis(500);

    private final Path root;
    private final ManifestTree tree;
    private final SnapshotAssembly assembly;
    private final Map<Path, Due> due = new HashMap<>();
    private final Set<Path> outside = new HashSet<>();
    private Set<Path> directories = Set.of();
    private boolean isToldOfUnfollowed;
    private @Nullable FileEvents events;
    private @Nullable Thread thread;
    private Runnable onChange = () -> {};
    private volatile ClusterSnapshot snapshot = ClusterSnapshot.EMPTY;
    private volatile boolean closed;

    private record Due(long atNanos, long sinceNanos, Belief belief) {}

    /**
     * @param root the directory, or a single manifest
     * @param extras what local mode adds to the objects
     * @param notices hears about files; called on the thread that starts, later on the one that reads
     */
    public DirectorySource(Path root, LocalExtras extras, Consumer<FileNotice> notices) {
        this.root = root.toAbsolutePath().normalize();
        this.tree = new ManifestTree(this.root, notices);
        this.assembly = new SnapshotAssembly(tree, extras, notices);
    }

    @Override
    public void start(Runnable listener) {
        onChange = listener;
        try {
            events = new FileEvents();
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(
                    root + ": its edits cannot be followed: " + e.getMessage()
                            + " (on Linux, is fs.inotify.max_user_instances used up?)",
                    e));
        }
        try {
            rescan(Belief.FIRM);
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(
                    root + ": cannot be read (expected: a directory of manifests, or one manifest)", e));
        }
        due.clear();
        snapshot = assembly.assemble();
        thread = Thread.ofPlatform().daemon().name("holdfast-files").start(this::follow);
    }

    @Override
    public ClusterSnapshot snapshot() {
        return snapshot;
    }

    /** The files that cannot be read now. */
    public synchronized Map<Path, ParseProblem> broken() {
        return tree.broken();
    }

    @Override
    public void close() {
        closed = true;
        try {
            if (events != null) {
                events.close();
            }
            if (thread != null) {
                thread.join(Duration.ofSeconds(2));
            }
        } catch (IOException e) {
            LOG.debug("file events do not close", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void follow() {
        FileEvents source = Objects.requireNonNull(events);
        while (!closed) {
            try {
                FileEvents.Batch batch = source.await(untilNextDue());
                if (take(batch) && !closed) {
                    snapshot = assembly.assemble();
                    onChange.run();
                }
            } catch (InterruptedException | ClosedWatchServiceException e) {
                return;
            } catch (IOException | RuntimeException e) {
                // The directory itself may be gone for a moment; what is in force stays so.
                LOG.warn("directory cannot be followed path={} reason={}", root, e.toString());
                pause();
            }
        }
    }

    private synchronized boolean take(FileEvents.Batch batch) throws IOException {
        boolean rescan = batch.incomplete();
        for (Path path : batch.paths()) {
            if (isOwn(path)) {
                schedule(path);
            } else if (outside.contains(path) || (path.startsWith(root) && isStructure(path))) {
                rescan = true;
            }
        }
        boolean changed = rescan && rescan(Belief.CAUTIOUS);
        return lookAtDue() || changed;
    }

    private boolean isOwn(Path path) {
        boolean below = path.equals(root) ? Files.isRegularFile(root) : path.startsWith(root);
        return below && ManifestTree.isManifest(path) && !Files.isDirectory(path) && !outside.contains(path);
    }

    /** Whether the entry can hide manifests: a directory or a link, there or gone. */
    private boolean isStructure(Path path) {
        return path.equals(root) || directories.contains(path) || Files.isSymbolicLink(path) || Files.isDirectory(path);
    }

    /** Lists everything, follows what is new, and looks at the files that seem different. */
    private boolean rescan(Belief belief) throws IOException {
        if (!Files.exists(root)) {
            return false;
        }
        FileEvents source = Objects.requireNonNull(events);
        ManifestTree.Listing listing = tree.list(directory -> followQuietly(source, directory));
        directories = listing.directories();
        Path parent = root.getParent();
        if (parent != null) {
            followQuietly(source, parent);
        }
        outside.clear();
        for (Path file : listing.files()) {
            followTarget(source, file);
        }
        Set<Path> candidates = tree.known();
        candidates.addAll(listing.files());
        boolean changed = false;
        for (Path file : candidates) {
            if (belief == Belief.FIRM) {
                changed |= tree.look(file, Belief.FIRM) == ManifestTree.Verdict.CHANGED;
            } else if (tree.looksDifferent(file)) {
                schedule(file);
            }
        }
        return changed;
    }

    /** A linked manifest changes where it really is. */
    private void followTarget(FileEvents source, Path file) throws IOException {
        if (Files.isSymbolicLink(file) && Files.exists(file)) {
            Path target = file.toRealPath();
            Path directory = target.getParent();
            if (directory != null && !directories.contains(directory)) {
                outside.add(target);
                followQuietly(source, directory);
            }
        }
    }

    private void followQuietly(FileEvents source, Path directory) {
        try {
            source.follow(directory);
        } catch (IOException e) {
            if (!isToldOfUnfollowed && directory.startsWith(root) && Files.isDirectory(directory)) {
                isToldOfUnfollowed = true;
                LOG.warn(
                        "edits below path={} are not served until the next start: {} (on Linux, is fs.inotify.max_user_watches"
                                + " used up?)",
                        directory,
                        e.getMessage());
            }
            LOG.debug("directory cannot be followed path={}", directory, e);
        }
    }

    private void schedule(Path file) {
        long now = System.nanoTime();
        Due before = due.get(file);
        long since = before == null ? now : before.sinceNanos;
        long rest = now - since > REST_MAX.toNanos() || !isJustWritten(file) ? 0 : REST.toNanos();
        due.put(file, new Due(now + rest, since, Belief.CAUTIOUS));
    }

    private static boolean isJustWritten(Path file) {
        try {
            long ageMillis =
                    System.currentTimeMillis() - Files.getLastModifiedTime(file).toMillis();
            return ageMillis >= 0 && ageMillis <= JUST_WRITTEN.toMillis();
        } catch (IOException e) {
            return false;
        }
    }

    private @Nullable Duration untilNextDue() {
        if (due.isEmpty()) {
            return null;
        }
        long now = System.nanoTime();
        long first = due.values().stream()
                .mapToLong(next -> next.atNanos - now)
                .min()
                .orElse(0);
        return Duration.ofNanos(Math.max(0, first));
    }

    private boolean lookAtDue() {
        boolean changed = false;
        long now = System.nanoTime();
        Map<Path, Due> again = new HashMap<>();
        for (Iterator<Map.Entry<Path, Due>> entries = due.entrySet().iterator(); entries.hasNext(); ) {
            Map.Entry<Path, Due> entry = entries.next();
            Due next = entry.getValue();
            if (next.atNanos - now > 0) {
                continue;
            }
            entries.remove();
            Belief belief = now - next.sinceNanos > REST_MAX.toNanos() ? Belief.FIRM : next.belief;
            switch (tree.look(entry.getKey(), belief)) {
                case SAME -> {}
                case CHANGED -> changed = true;
                case WAIT -> again.put(entry.getKey(), new Due(now + QUIET.toNanos(), next.sinceNanos, Belief.FIRM));
            }
        }
        due.putAll(again);
        return changed;
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

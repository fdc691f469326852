package dev.holdfast.cli.manifest;

import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known of every manifest below a directory: its last good reading is in force. Not thread-safe.
 *
 * <p>A file in the middle of being written looks like one that lost objects or broke. So both are believed at once only
 * of a file that was replaced as a whole; of one that was written in place, or went, only once it has been quiet.
 */
final class ManifestTree {
    /** Longest manifest that is read. */
    static final int FILE_BYTES_MAX = 16 << 20;

    /** Most manifests that are read below a directory. */
    static final int FILES_MAX = 20_000;

    private static final int DEPTH_MAX = 32;
    private static final Set<String> ENDINGS = Set.of(".yaml", ".yml", ".json");
    private static final Set<String> OTHER_PURPOSES = Set.of("kustomization.yaml", "kustomization.yml");

    /** Whether a loss is believed. */
    enum Belief {
        /** The file may be in the middle of being written. */
        CAUTIOUS,
        /** The file has been quiet. */
        FIRM
    }

    /** What a look at a file came to. */
    enum Verdict {
        /** Nothing is different. */
        SAME,
        /** Other objects are in force, or none of the file any more. */
        CHANGED,
        /** It looks like a loss: look again when it is quiet. */
        WAIT
    }

    /** What stands below the directory. */
    record Listing(Set<Path> files, Set<Path> directories) {}

    private record Known(Stamp stamp, byte[] bytes, ManifestFile reading, ManifestFile good) {}

    private record Stamp(@Nullable Object key, long modifiedNanos, long size) {}

    private static final Logger LOG = LoggerFactory.getLogger(ManifestTree.class);

    private final Path root;
    private final Set<Path> unreadable = new HashSet<>();
    private boolean tooMany;
    private final Consumer<FileNotice> notices;
    private final DocumentReader reader = new DocumentReader();
    private final SortedMap<Path, Known> files = new TreeMap<>();

    /**
     * @param root a directory, or a single file
     */
    ManifestTree(Path root, Consumer<FileNotice> notices) {
        this.root = root;
        this.notices = notices;
    }

    /** Whether a file with that name is read. Hidden ones are not: editors and mounts keep their own there. */
    static boolean isManifest(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        return !name.startsWith(".")
                && !OTHER_PURPOSES.contains(name)
                && ENDINGS.stream().anyMatch(name::endsWith);
    }

    /** The objects in force, by file in the order of paths. */
    SortedMap<Path, ManifestFile> inForce() {
        SortedMap<Path, ManifestFile> good = new TreeMap<>();
        files.forEach((path, known) -> good.put(path, known.good));
        return good;
    }

    /** The files that are broken now, with their problems. */
    Map<Path, ParseProblem> broken() {
        Map<Path, ParseProblem> broken = new TreeMap<>();
        files.forEach((path, known) -> {
            if (known.reading.problem() != null) {
                broken.put(path, known.reading.problem());
            }
        });
        return broken;
    }

    /** Every file that is known, there or not. */
    Set<Path> known() {
        return new TreeSet<>(files.keySet());
    }

    Path relative(Path file) {
        return file.equals(root) ? Objects.requireNonNullElse(file.getFileName(), file) : root.relativize(file);
    }

    /**
     * Lists manifests and directories, links followed.
     *
     * @param onDirectory called for each directory before its files are listed, so that nothing is missed between
     */
    Listing list(Consumer<Path> onDirectory) throws IOException {
        Set<Path> manifests = new TreeSet<>();
        Set<Path> directories = new HashSet<>();
        if (Files.isRegularFile(root)) {
            manifests.add(root);
            return new Listing(manifests, directories);
        }
        EnumSet<FileVisitOption> links = EnumSet.of(FileVisitOption.FOLLOW_LINKS);
        Files.walkFileTree(root, links, DEPTH_MAX, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                if (!directory.equals(root)
                        && String.valueOf(directory.getFileName()).startsWith(".")) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                directories.add(directory);
                onDirectory.accept(directory);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (!attributes.isRegularFile() || !isManifest(file)) {
                    return FileVisitResult.CONTINUE;
                }
                if (manifests.size() < FILES_MAX) {
                    manifests.add(file);
                } else if (!tooMany) {
                    tooMany = true;
                    String reason = "left out, like every further one: more than " + FILES_MAX
                            + " manifests stand below the directory (expected: no more)";
                    notices.accept(new FileNotice.Broken(relative(file), new ParseProblem(1, reason), 0));
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (file.equals(root)) {
                    throw e;
                }
                boolean gone = e instanceof NoSuchFileException || e instanceof FileSystemLoopException;
                if (!gone && unreadable.add(file)) {
                    LOG.warn("left out, for it cannot be read: path={} reason={}", file, e.toString());
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return new Listing(manifests, directories);
    }

    /** Whether the file is not as it was when it was read last, as far as its attributes tell. */
    boolean looksDifferent(Path file) {
        Known known = files.get(file);
        try {
            return known == null || !known.stamp.equals(stamp(file));
        } catch (IOException e) {
            return true;
        }
    }

    /** Looks at a file again. */
    Verdict look(Path file, Belief belief) {
        Known before = files.get(file);
        Stamp stamp;
        byte[] bytes;
        try {
            stamp = stamp(file);
            if (stamp.size > FILE_BYTES_MAX) {
                return refuse(file, before, stamp, "longer than " + FILE_BYTES_MAX + " bytes (expected: a manifest)");
            }
            bytes = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return before == null ? Verdict.SAME : belief == Belief.FIRM ? forget(file) : Verdict.WAIT;
        } catch (IOException e) {
            String reason = "cannot be read: " + e.getClass().getSimpleName() + " (expected: a readable file)";
            return belief == Belief.FIRM ? refuse(file, before, new Stamp(null, 0, 0), reason) : Verdict.WAIT;
        }
        if (before != null && Arrays.equals(before.bytes, bytes)) {
            files.put(file, new Known(stamp, bytes, before.reading, before.good));
            return Verdict.SAME;
        }
        ManifestFile last =
                before == null ? ManifestFile.EMPTY : before.reading.problem() == null ? before.reading : before.good;
        ManifestFile reading = ManifestFile.read(String.valueOf(file.getFileName()), bytes, last, reader);
        boolean whole = before == null ? belief == Belief.FIRM : !Objects.equals(before.stamp.key, stamp.key);
        if (belief == Belief.CAUTIOUS && !whole && isLoss(before, reading)) {
            return Verdict.WAIT;
        }
        return accept(file, before, new Known(stamp, bytes, reading, reading));
    }

    private static boolean isLoss(@Nullable Known before, ManifestFile reading) {
        if (reading.problem() != null) {
            return true;
        }
        Set<Object> refs = new HashSet<>();
        reading.objects().forEach(object -> refs.add(object.ref()));
        return before != null && before.good.objects().stream().anyMatch(object -> !refs.contains(object.ref()));
    }

    private Verdict accept(Path file, @Nullable Known before, Known now) {
        ParseProblem problem = now.reading.problem();
        ManifestFile good = before == null ? ManifestFile.EMPTY : before.good;
        boolean wasBroken = before != null && before.reading.problem() != null;
        if (problem != null) {
            files.put(file, new Known(now.stamp, now.bytes, now.reading, good));
            if (before == null || !problem.equals(before.reading.problem())) {
                notices.accept(new FileNotice.Broken(
                        relative(file), problem, good.objects().size()));
            }
            return Verdict.SAME;
        }
        files.put(file, now);
        if (wasBroken) {
            notices.accept(new FileNotice.Mended(relative(file)));
        }
        return good.objects().equals(now.good.objects()) ? Verdict.SAME : Verdict.CHANGED;
    }

    private Verdict refuse(Path file, @Nullable Known before, Stamp stamp, String reason) {
        ManifestFile broken = ManifestFile.broken(new ParseProblem(1, reason));
        return accept(file, before, new Known(stamp, new byte[0], broken, broken));
    }

    private Verdict forget(Path file) {
        Known gone = files.remove(file);
        if (gone != null && gone.reading.problem() != null) {
            notices.accept(new FileNotice.Mended(relative(file)));
        }
        return gone == null || gone.good.objects().isEmpty() ? Verdict.SAME : Verdict.CHANGED;
    }

    private static Stamp stamp(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        return new Stamp(
                attributes.fileKey(),
                attributes.lastModifiedTime().to(java.util.concurrent.TimeUnit.NANOSECONDS),
                attributes.size());
    }
}

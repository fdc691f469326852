package dev.holdfast.dataplane.sync;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.wire.TableDigester;
import dev.holdfast.routetable.wire.WireCodec;
import dev.holdfast.routetable.wire.WireException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The last known good table on disk, so that a data plane that restarts without an operator serves at once. The file
 * holds private keys: only its owner can read it, and the directory belongs on a volume in memory. It is replaced in
 * one step, and a file that is cut off, altered or foreign is as good as none.
 */
public final class TableStore {
    private static final Logger LOG = LoggerFactory.getLogger(TableStore.class);
    private static final String NAME = "last-known-good.json";

    private final Path directory;
    private final Path file;

    /** Keeps the table in {@code directory}, which is made when it is needed. */
    public TableStore(Path directory) {
        this.directory = directory;
        this.file = directory.resolve(NAME);
    }

    /** The stored table; empty if there is none that is whole. */
    Optional<FullTable> load() {
        try {
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                return Optional.empty();
            }
            long bytes = Files.size(file);
            if (bytes > WireCodec.UPDATE_BYTES_MAX) {
                return ignore(bytes + " bytes (expected: at most " + WireCodec.UPDATE_BYTES_MAX + ")");
            }
            if (!(WireCodec.decodeUpdate(Files.newInputStream(file)) instanceof FullTable stored)) {
                return ignore("it holds no full table");
            }
            String digest = new TableDigester().digest(stored.table());
            if (!digest.equals(stored.version().digest())) {
                return ignore(
                        "digest: " + digest + " (expected: " + stored.version().digest() + ")");
            }
            return Optional.of(stored);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (WireException | IOException e) {
            return ignore(String.valueOf(e.getMessage()));
        }
    }

    /** Replaces the stored table. The new file is on the disk before the old one goes. */
    public void save(TableVersion version, RouteTable table) throws IOException {
        Files.createDirectories(directory, ownerOnly("rwx------"));
        Path next = directory.resolve(NAME + ".next");
        try {
            try (FileChannel channel = create(next)) {
                OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 64 << 10);
                WireCodec.encode(new FullTable(version, table), out);
                out.flush();
                channel.force(true);
            }
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            // What was begun and not finished would take room on a volume that may have too little already.
            Files.deleteIfExists(next);
        }
    }

    private FileChannel create(Path next) throws IOException {
        Set<StandardOpenOption> options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        try {
            return FileChannel.open(next, options, ownerOnly("rw-------"));
        } catch (FileAlreadyExistsException e) {
            // Left over from a crash; opening it would keep whatever permissions it has.
            Files.delete(next);
            return FileChannel.open(next, options, ownerOnly("rw-------"));
        }
    }

    private FileAttribute<?>[] ownerOnly(String permissions) {
        if (!directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            return new FileAttribute<?>[0];
        }
        return new FileAttribute<?>[] {
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
        };
    }

    private Optional<FullTable> ignore(String why) {
        LOG.warn("stored table ignored file={} because=\"{}\"", file, why);
        return Optional.empty();
    }
}

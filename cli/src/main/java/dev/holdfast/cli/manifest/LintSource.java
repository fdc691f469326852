package dev.holdfast.cli.manifest;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.routetable.SecretBytes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.function.BiFunction;

/** Reads a directory of manifests once. */
public final class LintSource {
    /** Nothing listens there: the port only stands for the echo backend. */
    private static final int ECHO_PORT = 9;

    private LintSource() {}

    /** What was read, and what is to be said about the files. */
    public record Reading(ClusterSnapshot snapshot, List<FileNotice> notices) {
        /** Copies the list. */
        public Reading {
            notices = List.copyOf(notices);
        }
    }

    /**
     * Reads every manifest below {@code root}.
     *
     * @param certificates makes the certificates of Secrets that ask for one
     * @throws IOException if {@code root} cannot be read
     */
    public static Reading read(
            Path root, BiFunction<ResourceRef, SortedSet<String>, Map<String, SecretBytes>> certificates)
            throws IOException {
        List<FileNotice> notices = new ArrayList<>();
        ManifestTree tree = new ManifestTree(root.toAbsolutePath().normalize(), notices::add);
        try {
            tree.list(directory -> {}).files().forEach(file -> tree.look(file, ManifestTree.Belief.FIRM));
        } catch (IOException e) {
            throw new IOException(root + ": cannot be read (expected: a directory of manifests, or one manifest)", e);
        }
        ClusterSnapshot snapshot = new SnapshotAssembly(tree, new Extras(certificates), notices::add).assemble();
        return new Reading(snapshot, notices);
    }

    private record Extras(BiFunction<ResourceRef, SortedSet<String>, Map<String, SecretBytes>> certificates)
            implements LocalExtras {
        @Override
        public int echoPort(String name) {
            return ECHO_PORT;
        }

        @Override
        public Map<String, SecretBytes> certificate(ResourceRef secret, SortedSet<String> hosts) {
            return certificates.apply(secret, hosts);
        }
    }
}

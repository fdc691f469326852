package dev.holdfast.cli.manifest;

import dev.holdfast.operator.diagnostic.ResourceRef;
import java.nio.file.Path;

/** Something about a file that its author should hear. Paths are relative to the directory. */
public sealed interface FileNotice {
    /** The file. */
    Path file();

    /**
     * The file cannot be read.
     *
     * @param keeps how many objects of its last good reading stay in force
     */
    record Broken(Path file, ParseProblem problem, int keeps) implements FileNotice {}

    /** A file that could not be read can be again, or is gone. */
    record Mended(Path file) implements FileNotice {}

    /** An object of a kind, or an API version, that is not served. */
    record Skipped(Path file, int line, ResourceRef object, String reason) implements FileNotice {}

    /** An object that an earlier file, or an earlier document of the same file, defines too; that one is in force. */
    record Duplicate(Path file, int line, ResourceRef object, Path inForce, int inForceLine) implements FileNotice {}
}

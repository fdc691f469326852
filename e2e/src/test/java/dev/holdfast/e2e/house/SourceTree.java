package dev.holdfast.e2e.house;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The files of the checkout, without build output. */
final class SourceTree {
    /** The root of the checkout; Maven says where it is. */
    static final Path ROOT =
            Path.of(System.getProperty("holdfast.root", "..")).toAbsolutePath().normalize();

    private SourceTree() {}

    static List<Path> javaFiles() {
        return files(path -> path.toString().endsWith(".java"));
    }

    static List<Path> files(Predicate<Path> wanted) {
        try (Stream<Path> all = Files.walk(ROOT)) {
            return all.filter(Files::isRegularFile)
                    .filter(path -> !isOutput(ROOT.relativize(path)))
                    .filter(wanted)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isOutput(Path relative) {
        for (Path part : relative) {
            String name = part.toString();
            if (name.equals("target") || name.equals(".git") || name.equals("node_modules")) {
                return true;
            }
        }
        return false;
    }
}

package dev.holdfast.e2e.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Soaks for as long as it is told. Exit status: 0 all is well, 1 something is wrong, 2 it was called wrongly. */
final class SoakMain {
    private SoakMain() {}

    /** Takes {@code --minutes N} or {@code --hours N}. */
    public static void main(String[] args) throws Exception {
        Duration length;
        try {
            length = length(args);
        } catch (IllegalArgumentException e) {
            System.err.println("soak: " + e.getMessage());
            System.exit(2);
            return;
        }
        Path work = Files.createTempDirectory("holdfast-soak");
        List<String> wrong;
        try {
            wrong = new Soak(SoakConfig.lasting(length), work, System.out).run();
        } finally {
            delete(work);
        }
        wrong.forEach(line -> System.out.println("soak: wrong: " + line));
        System.out.println(wrong.isEmpty() ? "soak: all is well" : "soak: failed");
        System.exit(wrong.isEmpty() ? 0 : 1);
    }

    static Duration length(String... args) {
        if (args.length == 2 && args[1].matches("[0-9]{1,4}") && !args[1].matches("0+")) {
            int number = Integer.parseInt(args[1]);
            switch (args[0]) {
                case "--minutes":
                    return Duration.ofMinutes(number);
                case "--hours":
                    return Duration.ofHours(number);
                default:
                    break;
            }
        }
        throw new IllegalArgumentException(
                String.join(" ", args) + " (expected: --minutes N or --hours N, N from 1 to 9999)");
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}

package dev.holdfast.dataplane.conformance;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;

/** The smuggling vectors as inputs for fuzzing. */
public final class SmugglingSeeds {
    private SmugglingSeeds() {}

    /** The bytes of each vector by its name. */
    public static SortedMap<String, byte[]> all() throws IOException {
        SortedMap<String, byte[]> seeds = new TreeMap<>();
        for (SmugglingVector vector : SmugglingVector.corpus()) {
            seeds.put(vector.name(), vector.against("a.test").getBytes(StandardCharsets.ISO_8859_1));
        }
        return seeds;
    }

    /** Writes each vector to a file of the directory that is the argument. */
    public static void main(String[] arguments) throws IOException {
        Path directory = Files.createDirectories(Path.of(arguments[0]));
        for (var seed : all().entrySet()) {
            Files.write(directory.resolve("smuggling-" + seed.getKey()), seed.getValue());
        }
    }
}

package dev.holdfast.dataplane.sync;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.wire.WireCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TableStoreTest {
    private static final RouteTable TABLE = Tables.withPort(80);
    private static final TableVersion VERSION = Tables.version(7, TABLE);

    @TempDir
    private Path parent;

    private Path directory;
    private TableStore store;

    @BeforeEach
    void create() {
        directory = parent.resolve("state");
        store = new TableStore(directory);
    }

    @Test
    void whatWasSavedIsLoaded() throws IOException {
        // Given
        store.save(Tables.version(6, Tables.withPort(79)), Tables.withPort(79));

        // When
        store.save(VERSION, TABLE);

        // Then
        assertThat(store.load()).contains(new FullTable(VERSION, TABLE));
        assertThat(files()).hasSize(1);
    }

    @Test
    void onlyItsOwnerCanReadIt() throws IOException {
        // Given
        Files.createDirectories(directory);
        Path leftOver = Files.createFile(
                directory.resolve("last-known-good.json.next"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--")));

        // When
        store.save(VERSION, TABLE);

        // Then
        assertThat(leftOver).doesNotExist();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
                .isEqualTo("rw-------");
    }

    @Test
    void aTableThatCannotBeStoredLeavesNothingBehind() throws IOException {
        // Given something in its place that no file can replace
        Files.createDirectories(file().resolve("occupied"));

        // When
        assertThatThrownBy(() -> store.save(VERSION, TABLE)).isInstanceOf(IOException.class);

        // Then
        assertThat(files()).containsExactly(file());
    }

    @Test
    void nothingStoredIsNoTable() {
        assertThat(store.load()).isEmpty();
    }

    @Test
    void aFileThatIsCutOffAnywhereIsIgnored() throws IOException {
        // Given
        store.save(VERSION, TABLE);
        byte[] whole = Files.readAllBytes(file());

        for (int length = 0; length < whole.length; length++) {
            // When
            Files.write(file(), Arrays.copyOf(whole, length));
            Optional<FullTable> loaded = store.load();

            // Then
            assertThat(loaded).as(length + " bytes").isEmpty();
        }
    }

    @Test
    void aFileWithOtherContentIsIgnored() throws IOException {
        // Given
        store.save(VERSION, TABLE);
        String whole = Files.readString(file());
        List<String> foreign = List.of(
                whole.replace("\"port\":80", "\"port\":81"),
                whole.replace("10.0.0.1", "10.0.0.2"),
                whole.replace("\"port\":80", "\"port\":99999"),
                new String(WireCodec.encode(new KeepAlive(VERSION)), UTF_8),
                "\u0000\u0001\u0002",
                "null",
                "{}");

        for (String content : foreign) {
            // When
            Files.writeString(file(), content);
            Optional<FullTable> loaded = store.load();

            // Then
            assertThat(loaded).as(content).isEmpty();
        }
    }

    @Test
    void aFileThatIsNoFileIsIgnored() throws IOException {
        // Given
        Files.createDirectories(file());

        // When
        Optional<FullTable> loaded = store.load();

        // Then
        assertThat(loaded).isEmpty();
    }

    private Path file() {
        return directory.resolve("last-known-good.json");
    }

    private List<Path> files() throws IOException {
        try (var files = Files.list(directory)) {
            return files.toList();
        }
    }
}

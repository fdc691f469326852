package dev.holdfast.routetable.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.RandomTables;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Seeds;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import org.junit.jupiter.api.Test;

class TableDigesterTest {
    @Test
    void digestsAreEqualExactlyWhenTablesAre() {
        Seeds.check(1_000, random -> {
            // Given
            RandomTables tables = new RandomTables(random);
            RouteTable first = tables.table();
            RouteTable second = tables.changed(first);

            // When
            String firstDigest = new TableDigester().digest(first);
            String secondDigest = new TableDigester().digest(second);

            // Then
            assertThat(firstDigest.equals(secondDigest)).isEqualTo(first.equals(second));
        });
    }

    @Test
    void theDigestDoesNotDependOnWhichObjectsHoldTheEntries() {
        Seeds.check(300, random -> {
            // Given
            RandomTables tables = new RandomTables(random);
            RouteTable table = tables.table();
            TableDigester usedBefore = new TableDigester();
            usedBefore.digest(tables.changed(table));
            RouteTable copy = copy(table);

            // When
            String digest = usedBefore.digest(table);

            // Then
            assertThat(digest).isEqualTo(usedBefore.digest(copy)).isEqualTo(new TableDigester().digest(copy));
        });
    }

    @Test
    void theDigestOfTheEmptyTableIsPinned() {
        // When
        String digest = new TableDigester().digest(RouteTable.EMPTY);

        // Then
        assertThat(digest).isEqualTo(WireSamples.EMPTY_DIGEST);
    }

    private static RouteTable copy(RouteTable table) throws WireException {
        FullTable full = new FullTable(new TableVersion(1, WireSamples.EMPTY_DIGEST), table);
        return ((FullTable) WireCodec.decodeUpdate(WireCodec.encode(full))).table();
    }
}

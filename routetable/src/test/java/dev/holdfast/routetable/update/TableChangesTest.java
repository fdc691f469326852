package dev.holdfast.routetable.update;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.RandomTables;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Seeds;
import dev.holdfast.routetable.update.TableChanges.SectionChange;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class TableChangesTest {
    @Test
    void theDifferenceOfTwoTablesMakesOneOfTheOther() {
        Seeds.check(1_000, random -> {
            // Given
            RandomTables tables = new RandomTables(random);
            RouteTable before = tables.table();
            RouteTable after = random.nextBoolean() ? tables.table() : tables.changed(before);

            // When
            TableChanges changes = TableChanges.between(before, after);

            // Then
            assertThat(changes.applyTo(before)).isEqualTo(after);
            assertThat(changes.isEmpty()).isEqualTo(before.equals(after));
        });
    }

    @Test
    void twoDifferencesInARowAreOneDifference() {
        Seeds.check(1_000, random -> {
            // Given
            RandomTables tables = new RandomTables(random);
            RouteTable first = tables.table();
            RouteTable second = tables.changed(first);
            RouteTable third = random.nextInt(4) == 0 ? first : tables.changed(second);

            // When
            TableChanges both = TableChanges.between(first, second).then(TableChanges.between(second, third));

            // Then
            assertThat(both.applyTo(first)).isEqualTo(third);
        });
    }

    @Test
    void whatDidNotChangeIsShared() {
        Seeds.check(200, random -> {
            // Given
            RandomTables tables = new RandomTables(random);
            RouteTable before = tables.table();
            RouteTable after = tables.changed(before);

            // When
            RouteTable result = TableChanges.between(before, after).applyTo(before);

            // Then
            result.virtualHosts().forEach((key, host) -> {
                if (host.equals(before.virtualHosts().get(key))) {
                    assertThat(host).isSameAs(before.virtualHosts().get(key));
                }
            });
        });
    }

    @Test
    void aChangeThatLeavesADanglingReferenceIsRefused() {
        // Given
        RouteTable table = RouteTable.of(
                List.of(),
                List.of(new dev.holdfast.routetable.Upstream(
                        "up", "group", null, dev.holdfast.routetable.Balancing.DEFAULT)),
                List.of(new EndpointGroup("group", List.of())),
                List.of());
        TableChanges changes = TableChanges.between(table, RouteTable.EMPTY);
        TableChanges onlyTheGroup = new TableChanges(
                new SectionChange<>(new TreeMap<>(), new TreeSet<>()),
                new SectionChange<>(new TreeMap<>(), new TreeSet<>()),
                changes.endpoints(),
                changes.certificates());

        // When / Then
        assertThatIllegalArgumentException()
                .isThrownBy(() -> onlyTheGroup.applyTo(table))
                .withMessageContaining("endpoints of upstream up: \"group\"");
    }

    @Test
    void aKeyIsEitherPutOrRemoved() {
        // Given
        TreeMap<String, EndpointGroup> put = new TreeMap<>();
        put.put("group", new EndpointGroup("group", List.of()));

        // When / Then
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SectionChange<>(put, new TreeSet<>(List.of("group"))))
                .withMessageContaining("removed: \"group\"");
    }
}

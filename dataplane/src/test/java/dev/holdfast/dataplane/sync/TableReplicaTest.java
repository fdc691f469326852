package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyOutcome.Applied;
import dev.holdfast.routetable.update.ApplyOutcome.NeedsFullTable;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.update.TableUpdate.TableDelta;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TableReplicaTest {
    private static final RouteTable A = Tables.withPort(1);
    private static final RouteTable B = Tables.withPort(2);
    private static final RouteTable C = Tables.withPort(3);

    private final ActiveRoutes routes = new ActiveRoutes();
    private final TableReplica replica = new TableReplica(routes);

    @Test
    void aFullTableAndItsDeltasAreServed() {
        // Given
        assertThat(replica.apply(Tables.full(1, A))).isEqualTo(new Applied());

        // When
        ApplyOutcome outcome = replica.apply(Tables.delta(2, A, B));

        // Then
        assertThat(outcome).isEqualTo(new Applied());
        assertThat(Tables.servedPort(routes)).isEqualTo(2);
        assertThat(replica.serves()).contains(Tables.version(2, B));
    }

    @Test
    void aTableThatIsServedAlreadyIsNotSwapped() {
        // Given
        replica.apply(Tables.full(1, A));
        ActiveTable before = routes.active();

        // When
        ApplyOutcome outcome = replica.apply(Tables.full(9, A));

        // Then
        assertThat(outcome).isEqualTo(new Unchanged());
        assertThat(routes.active()).isSameAs(before);
        assertThat(replica.apply(new KeepAlive(Tables.version(9, A)))).isEqualTo(new Unchanged());
    }

    @Test
    void aWrongDigestIsNotServed() {
        // Given
        replica.apply(Tables.full(1, A));
        TableVersion wrong = Tables.version(2, C);

        // When
        ApplyOutcome full = replica.apply(new FullTable(wrong, B));
        ApplyOutcome delta = replica.apply(new TableDelta(
                Tables.version(1, A), wrong, Tables.delta(2, A, B).changes()));

        // Then
        assertThat(full).isInstanceOf(NeedsFullTable.class);
        assertThat(delta).isInstanceOf(NeedsFullTable.class);
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
    }

    @Test
    void aDeltaWithoutItsBaseNeedsAFullTable() {
        // Given
        assertThat(replica.apply(Tables.delta(2, A, B))).isInstanceOf(NeedsFullTable.class);
        replica.apply(Tables.full(1, A));

        // When
        ApplyOutcome outcome = replica.apply(Tables.delta(3, B, C));

        // Then
        assertThat(outcome)
                .isInstanceOfSatisfying(
                        NeedsFullTable.class,
                        needs -> assertThat(needs.reason()).startsWith("delta.base: "));
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
    }

    @Test
    void aKeepAliveForAnotherTableNeedsAFullTable() {
        // Given
        replica.apply(Tables.full(1, A));

        // When
        ApplyOutcome outcome = replica.apply(new KeepAlive(Tables.version(2, B)));

        // Then
        assertThat(outcome).isInstanceOf(NeedsFullTable.class);
    }

    @Test
    void aTableThatCannotBeServedIsRefusedAndTheOldOneStays() {
        // Given
        replica.apply(Tables.full(1, A));

        // When
        ApplyOutcome outcome = replica.apply(Tables.full(2, Tables.unservable()));

        // Then
        assertThat(outcome)
                .isInstanceOfSatisfying(
                        Refused.class, refused -> assertThat(refused.reason()).contains("Ingress/ns/bad/0/0"));
        assertThat(replica.apply(new KeepAlive(Tables.version(2, Tables.unservable()))))
                .isEqualTo(outcome);
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
    }

    @Test
    void aDeltaThatRepairsARefusedTableIsServed() {
        // Given
        replica.apply(Tables.full(1, A));
        replica.apply(Tables.delta(2, A, Tables.unservable()));

        // When
        ApplyOutcome outcome = replica.apply(Tables.delta(3, Tables.unservable(), C));

        // Then
        assertThat(outcome).isEqualTo(new Applied());
        assertThat(Tables.servedPort(routes)).isEqualTo(3);
    }

    @Test
    void aParticipantThatRefusesKeepsTheOldTable() {
        // Given
        replica.apply(Tables.full(1, A));
        AtomicInteger asked = new AtomicInteger();
        routes.join(next -> {
            if (asked.incrementAndGet() > 1) {
                throw new IllegalArgumentException("certificate ns/tls: not a key (expected: PKCS#8)");
            }
            return new ActiveRoutes.Prepared() {
                @Override
                public void adopt() {}

                @Override
                public void discard() {}
            };
        });

        // When
        ApplyOutcome outcome = replica.apply(Tables.delta(2, A, B));

        // Then
        assertThat(outcome).isEqualTo(new Refused("certificate ns/tls: not a key (expected: PKCS#8)"));
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
    }

    @Test
    void anUpdateThatCannotBeReadIsRememberedByItsVersion() {
        // Given
        replica.apply(Tables.full(1, A));

        // When
        ApplyOutcome outcome = replica.refuse(Tables.version(2, B), "table: unknown field");

        // Then
        assertThat(replica.apply(new KeepAlive(Tables.version(2, B)))).isEqualTo(outcome);
        assertThat(replica.apply(Tables.delta(3, B, C))).isInstanceOf(NeedsFullTable.class);
        assertThat(replica.apply(Tables.full(3, C))).isEqualTo(new Applied());
    }
}

package dev.holdfast.operator.status;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which data planes serve an object as it is now, told by the tables that they say they serve. */
class GenerationLogTest {
    private static final ResourceRef ROUTE = new ResourceRef("WebSocketRoute", "default", "chat");
    private static final String OLD = "chat-1";
    private static final String NEW = "chat-2";
    private static final TableVersion ONE = version(1, 'a');
    private static final TableVersion TWO = version(2, 'b');
    private static final TableVersion OF_ANOTHER_REPLICA = version(7, 'c');

    private final GenerationLog log = new GenerationLog();

    @Test
    void aDataPlaneServesAnObjectOnceItHasTheTableThatHasIt() {
        // Given
        log.compiled(compiled(1, OLD), ONE);
        log.compiled(compiled(2, OLD), TWO);

        // When
        log.served(Map.of("early", ONE, "late", TWO));

        // Then
        assertThat(log.serving(ROUTE)).isEqualTo(1);
    }

    @Test
    void aTableThatOnlyAnotherReplicaMadeTakesNothingBack() {
        // Given
        log.compiled(compiled(1, OLD), ONE);
        log.served(Map.of("a", ONE, "b", ONE));

        // When
        log.served(Map.of("a", OF_ANOTHER_REPLICA, "b", ONE));

        // Then
        assertThat(log.serving(ROUTE)).isEqualTo(2);
    }

    @Test
    void aTableThatOnlyAnotherReplicaMadeIsNotTakenForALaterOne() {
        // Given
        log.compiled(compiled(1, OLD), ONE);
        log.served(Map.of("a", ONE));
        log.compiled(compiled(2, OLD), TWO);

        // When
        log.served(Map.of("a", OF_ANOTHER_REPLICA));

        // Then
        assertThat(log.serving(ROUTE)).isZero();
    }

    @Test
    void anObjectThatIsMadeAnewIsNotServedByTheTableOfTheOldOne() {
        // Given
        log.compiled(compiled(1, OLD), ONE);
        log.compiled(compiled(1, NEW), TWO);

        // When
        log.served(Map.of("a", ONE));

        // Then
        assertThat(log.serving(ROUTE)).isZero();
    }

    private static CompileResult compiled(long generation, String uid) {
        return new CompileResult(
                RouteTable.of(List.of(), List.of(), List.of(), List.of()),
                List.of(),
                Map.of(ROUTE, new CompileResult.Subject(uid, generation, 1, 1)),
                Set.of());
    }

    private static TableVersion version(long sequence, char digit) {
        return new TableVersion(sequence, String.valueOf(digit).repeat(64));
    }
}

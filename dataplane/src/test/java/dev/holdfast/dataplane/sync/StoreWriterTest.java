package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.match.MatchIndex;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StoreWriterTest {
    @ParameterizedTest
    @ValueSource(classes = {OutOfMemoryError.class, NoClassDefFoundError.class, AssertionError.class})
    void anErrorCostsOneWriteAndNotTheNext(Class<? extends Error> failure) throws Exception {
        // Given
        Error error = failure.getDeclaredConstructor().newInstance();
        BlockingQueue<TableVersion> tried = new LinkedBlockingQueue<>();
        try (StoreWriter writer = new StoreWriter((version, table) -> {
            tried.add(version);
            if (version.sequence() == 1) {
                throw error;
            }
        })) {
            writer.start();
            writer.offer(table(1));
            tried.take();

            // When
            writer.offer(table(2));

            // Then
            assertThat(tried.poll(10, TimeUnit.SECONDS)).isEqualTo(table(2).version());
        }
    }

    private static ActiveTable table(int port) {
        RouteTable table = Tables.withPort(port);
        return new ActiveTable(Tables.version(port, table), table, MatchIndex.of(table), Map.of());
    }
}

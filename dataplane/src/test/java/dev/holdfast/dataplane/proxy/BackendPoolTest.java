package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import io.netty.channel.embedded.EmbeddedChannel;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Who has to leave when there is no room for all that wait. */
class BackendPoolTest {
    private final BackendPool pool = new BackendPool(
            new PoolLimits(2, 3, Duration.ofMinutes(1)), TimerWheel.of(new EmbeddedChannel().eventLoop()));

    private BackendConnection waiting(String address) {
        BackendConnection connection = BackendConnection.over(
                new EmbeddedChannel(), new BackendPool.Key("u", address, 80, null, ""), 1_024, KeepAlive.DEFAULT);
        pool.offer(connection);
        return connection;
    }

    @Test
    void theOneThatWaitedLongestOfAllMakesRoom() {
        // Given
        BackendConnection first = waiting("a");
        BackendConnection second = waiting("b");
        BackendConnection third = waiting("c");
        // When
        BackendConnection newcomer = waiting("d");
        // Then
        assertThat(first.channel().isOpen()).isFalse();
        assertThat(pool.take(first.key())).isNull();
        assertThat(pool.take(second.key())).isSameAs(second);
        assertThat(pool.take(third.key())).isSameAs(third);
        assertThat(pool.take(newcomer.key())).isSameAs(newcomer);
    }

    @Test
    void theOneThatWaitedLongestAtTheEndpointMakesRoom() {
        // Given
        BackendConnection other = waiting("a");
        BackendConnection first = waiting("b");
        BackendConnection second = waiting("b");
        // When
        BackendConnection newcomer = waiting("b");
        // Then
        assertThat(first.channel().isOpen()).isFalse();
        assertThat(pool.take(first.key())).isSameAs(newcomer);
        assertThat(pool.take(first.key())).isSameAs(second);
        assertThat(pool.take(other.key())).isSameAs(other);
    }

    @Test
    void withoutRoomForAnyNobodyWaits() {
        // Given
        BackendPool none = new BackendPool(
                new PoolLimits(0, 3, Duration.ofMinutes(1)), TimerWheel.of(new EmbeddedChannel().eventLoop()));
        BackendConnection connection = waiting("a");
        pool.remove(connection);
        // When
        none.offer(connection);
        // Then
        assertThat(connection.channel().isOpen()).isFalse();
        assertThat(none.take(connection.key())).isNull();
    }
}

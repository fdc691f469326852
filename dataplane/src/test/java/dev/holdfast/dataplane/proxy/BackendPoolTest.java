package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.BackendTls.Verification;
import io.netty.channel.embedded.EmbeddedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
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
    void whatConnectionsAreSharedByHasAnOrderInEveryPart() {
        // Given
        List<BackendPool.Key> inOrder = List.of(
                new BackendPool.Key("AaAa", "a", 80, null, ""),
                new BackendPool.Key("AaAa", "a", 80, tls(Verification.VERIFY, null, null), ""),
                new BackendPool.Key("AaAa", "a", 80, tls(Verification.VERIFY, "AaAa", null), ""),
                new BackendPool.Key("AaAa", "a", 80, tls(Verification.VERIFY, "BBBB", null), ""),
                new BackendPool.Key("AaAa", "a", 80, tls(Verification.VERIFY, null, "a.test"), ""),
                new BackendPool.Key("AaAa", "a", 80, tls(Verification.SKIP, null, null), ""),
                new BackendPool.Key("AaAa", "a", 80, null, "a.test"),
                new BackendPool.Key("AaAa", "a", 81, null, ""),
                new BackendPool.Key("AaAa", "b", 80, null, ""),
                new BackendPool.Key("BBBB", "a", 80, null, ""));
        List<BackendPool.Key> shuffled = new ArrayList<>(inOrder);
        Collections.shuffle(shuffled, new Random(1));
        // When
        shuffled.sort(null);
        // Then
        assertThat(shuffled).isEqualTo(inOrder);
        assertThat(new TreeSet<>(inOrder)).hasSameSizeAs(inOrder);
        assertThat(tls(Verification.SKIP, "a", "b")).isEqualByComparingTo(tls(Verification.SKIP, "a", "b"));
    }

    private static BackendTls tls(Verification verification, @Nullable String caPem, @Nullable String serverName) {
        return new BackendTls(verification, caPem, serverName);
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

package dev.holdfast.dataplane.proxy.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Initiator;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Reason;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The classes of close codes, by which alerts tell a planned end from a fault. */
class TunnelEndTest {
    @ParameterizedTest
    @CsvSource({
        "1000, 1xxx",
        "1001, 1xxx",
        "1005, 1xxx",
        "1010, 1xxx",
        "1011, 1011",
        "1012, 1xxx",
        "3000, 3xxx",
        "4999, 4xxx",
        "2000, other"
    })
    void anInternalErrorIsAClassOfItsOwn(int code, String expected) {
        // Given
        TunnelEnd end = end(code);
        // When
        String codeClass = end.codeClass();
        // Then
        assertThat(codeClass).isEqualTo(expected);
    }

    @Test
    void anEndWithoutACloseFrameHasNoCode() {
        // Given
        TunnelEnd end = end(null);
        // When
        String codeClass = end.codeClass();
        // Then
        assertThat(codeClass).isEqualTo("none");
    }

    private static TunnelEnd end(@Nullable Integer code) {
        return new TunnelEnd(Initiator.BACKEND, Reason.CLOSE_FRAME, code, Duration.ofMinutes(1), 0, 0, 0, 0);
    }
}

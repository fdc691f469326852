package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a hop keeps to itself. */
class HopByHopTest {
    private static final int FIXED = 10;

    private static final class CountedHeaders extends DefaultHttpHeaders {
        private int removals;

        @Override
        public HttpHeaders remove(String name) {
            removals++;
            return super.remove(name);
        }

        @Override
        public HttpHeaders remove(CharSequence name) {
            removals++;
            return super.remove(name);
        }
    }

    private static String names(int count) {
        return IntStream.range(0, count).mapToObj(i -> "n" + i).collect(Collectors.joining(","));
    }

    @Test
    void namesThatNoFieldHasAreNotLookedForOneByOne() {
        // Given
        CountedHeaders headers = new CountedHeaders();
        headers.add("Connection", names(5_000) + ",x-named").add("X-Named", "1").add("X-Other", "2");

        // When
        HopByHop.strip(headers);

        // Then
        assertThat(headers.removals).isLessThanOrEqualTo(FIXED + 2);
        assertThat(headers.names()).containsExactly("X-Other");
    }

    @Test
    void aNameThatIsRepeatedIsRemovedOnce() {
        // Given
        CountedHeaders headers = new CountedHeaders();
        headers.add("Connection", "x-named,".repeat(2_000)).add("X-Other", "2");
        for (int i = 0; i < 500; i++) {
            headers.add("X-Named", "1").add("Connection", "x-NAMED");
        }

        // When
        HopByHop.strip(headers);

        // Then
        assertThat(headers.removals).isLessThanOrEqualTo(FIXED + 2);
        assertThat(headers.names()).containsExactly("X-Other");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 6, 7, 8, 9, 100})
    void howManyAreNamedChangesNothing(int others) {
        // Given
        HttpHeaders headers = new DefaultHttpHeaders();
        headers.add("X-First", "1")
                .add("x-NAMED", "2")
                .add("Connection", "X-Named, ," + names(others))
                .add("Keep-Alive", "3")
                .add("Cookie", "4")
                .add("Connection", "cookie\t ,close")
                .add("X-Named", "5")
                .add("X-Last", "6");

        // When
        HopByHop.strip(headers);

        // Then
        assertThat(headers.names()).containsExactly("X-First", "X-Last");
    }
}

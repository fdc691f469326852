package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.Allocation;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the conditions of routes read of a request, and how often: candidates are many, and a request is long. */
class RequestHeadTest {
    private static final int CANDIDATES = 200;

    private static final class CountedHeaders extends DefaultHttpHeaders {
        private final AtomicInteger reads = new AtomicInteger();

        @Override
        public List<String> getAll(String name) {
            reads.incrementAndGet();
            return super.getAll(name);
        }
    }

    private static RequestHead head(String target, DefaultHttpHeaders headers) throws Exception {
        headers.add("Host", "a.test");
        return RequestHead.parse(new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, target, headers));
    }

    @Test
    void theQueryIsReadOnceForAllCandidates() throws Exception {
        // Given
        RequestHead head = head("/?" + "&".repeat(8_192) + "p7=yes", new DefaultHttpHeaders());

        // When
        long bytes = Allocation.of(() -> {
            for (int i = 0; i < CANDIDATES; i++) {
                head.queryValues("p" + i);
            }
        });

        // Then
        assertThat(bytes).isLessThan(4 << 20);
        assertThat(head.queryValues("p7")).containsExactly("yes");
    }

    @Test
    void aHeaderIsReadOnceForAllCandidates() throws Exception {
        // Given
        CountedHeaders headers = new CountedHeaders();
        headers.add("X-Mode", "a").add("x-mode", "b");
        RequestHead head = head("/", headers);
        headers.reads.set(0);

        // When
        for (int i = 0; i < CANDIDATES; i++) {
            head.headerValues("x-mode");
            head.headerValues("x-none");
        }

        // Then
        assertThat(headers.reads).hasValue(2);
        assertThat(head.headerValues("x-mode")).containsExactly("a", "b");
        assertThat(head.headerValues("x-none")).isEmpty();
    }

    @Test
    void subprotocolsAreReadOnceForAllCandidates() throws Exception {
        // Given
        CountedHeaders headers = new CountedHeaders();
        headers.add("Sec-WebSocket-Protocol", "chat, ,superchat").add("Sec-WebSocket-Protocol", "mqtt");
        RequestHead head = head("/", headers);
        headers.reads.set(0);

        // When
        for (int i = 0; i < CANDIDATES; i++) {
            head.subprotocols();
        }

        // Then
        assertThat(headers.reads).hasValue(1);
        assertThat(head.subprotocols()).containsExactly("chat", "superchat", "mqtt");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''              | ''",
                "?               | ''",
                "?a              | ''",
                "?mode           | '[]'",
                "?mode=          | '[]'",
                "?mode=x         | '[x]'",
                "?a&mode=x&&b=y  | '[x]'",
                "?mode=x&mode=y  | '[x][y]'",
                "?mode=y&a&mode=x| '[y][x]'",
                "?mode=x=y       | '[x=y]'",
                "?Mode=x         | ''",
                "?m%6fde=%78+y   | '[x+y]'",
                "?mode=%c3%a9    | '[é]'",
                "?mode=%zz&mode=1| '[1]'",
                "?mode=%1        | ''",
                "?%zz=x&mode=%41 | '[A]'",
                "?=x&mode=1      | '[1]'",
                "?mode=1?mode=2  | '[1?mode=2]'",
            })
    void theValuesOfAParameterAreDecodedAndInOrder(String query, String expected) throws Exception {
        // Given
        RequestHead head = head("/" + query, new DefaultHttpHeaders());

        // When
        StringBuilder values = new StringBuilder();
        head.queryValues("mode")
                .forEach(value -> values.append('[').append(value).append(']'));

        // Then
        assertThat(values).hasToString(expected);
    }

    @Test
    void amongManyValuesEachIsFound() throws Exception {
        // Given
        StringBuilder query = new StringBuilder("/?a=1");
        for (int i = 0; i < 1_000; i++) {
            query.append("&mode=").append(i % 500);
        }
        RequestHead head = head(query.toString(), new DefaultHttpHeaders());

        // When
        var values = head.queryValues("mode");

        // Then
        assertThat(values).contains("0", "250", "499").doesNotContain("500", "1000");
    }
}

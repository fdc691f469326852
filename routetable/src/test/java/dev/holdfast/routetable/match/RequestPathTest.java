package dev.holdfast.routetable.match;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.Seeds;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestPathTest {
    @ParameterizedTest
    @CsvSource({
        "/, /",
        "/a, /a",
        "/a/, /a/",
        "/a/b.c/d..e/...f, /a/b.c/d..e/...f",
        "/.well-known/x, /.well-known/x",
        "/..., /...",
        "/a;v=1/b;c, /a;v=1/b;c",
        "/a/;jsessionid=1, /a/;jsessionid=1",
        "/a;v=1/b, /a;v=1/b",
        "/%41%2d%7E, /A-~",
        "/%2f, /%2F",
        "/a%2Fb, /a%2Fb",
        "/%e6%97%a5, /%E6%97%A5",
        "/日本, /%E6%97%A5%E6%9C%AC",
        "/😀, /%F0%9F%98%80",
        "/%20, /%20",
        "/%23%3F, /%23%3F",
        "/!$&()*+:@=~_-, /!$&()*+:@=~_-",
        "/.%2F, /.%2F",
        "/..%2F, /..%2F",
    })
    void aPathHasOneForm(String raw, String expected) {
        assertThat(RequestPath.parse(raw)).isEqualTo(new RequestPath(expected, null));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "a",
                "*",
                "http://host/",
                "//",
                "/a//b",
                "/a//",
                "/.",
                "/..",
                "/./a",
                "/../a",
                "/a/.",
                "/a/..",
                "/a/./b",
                "/a/../b",
                "/a/..;/b",
                "/a/%2e%2e;x=1/b",
                "/a/..%3b/b",
                "/a/.;x/b",
                "/a/;x/b",
                "/a/..;",
                "/%2e",
                "/%2E%2e",
                "/.%2e/a",
                "/%2e./a",
                "/a\\b",
                "/a%5Cb",
                "/a%5cb",
                "/%00",
                "/a%0d%0a",
                "/%7f",
                "/%1F",
                "/a\tb",
                "/a\u0000",
                "/a\u007f",
                "/a b",
                "/a#b",
                "/a?b",
                "/%",
                "/%4",
                "/%4g",
                "/%g4",
                "/%zz",
                "/a%",
                "/%c0%ae",
                "/%ff",
                "/%ed%a0%80",
                "/%e6%97",
                "/%f8%88%80%80%80",
                "/\ud800",
                "/a\udc00b",
                "/%4\uff11",
                "/\u00ff"
            })
    void whatABackendCouldReadAsAnotherPathIsRefused(String raw) {
        // When
        RequestPath path = RequestPath.parse(raw);

        // Then
        assertThat(path.value()).isNull();
        assertThat(path.refusal()).startsWith("path: ").doesNotContain("\n", "\u0000");
    }

    @Test
    void bytesAsCharactersAndTextAreTheSamePath() {
        // When
        RequestPath fromBytes = RequestPath.parse("/\u00e6\u0097\u00a5");

        // Then
        assertThat(fromBytes).isEqualTo(RequestPath.parse("/日")).isEqualTo(RequestPath.parse("/%E6%97%A5"));
    }

    @Test
    void theFormOfAFormIsItself() {
        Seeds.check(20_000, random -> {
            // Given
            String alphabet = "/./%2eE5cCfF0aAzé日\\?#\u0001~";
            StringBuilder raw = new StringBuilder("/");
            for (int i = random.nextInt(12); i > 0; i--) {
                raw.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }

            // When
            RequestPath path = RequestPath.parse(raw.toString());

            // Then
            assertThat((path.value() == null) != (path.refusal() == null)).isTrue();
            String value = path.value();
            if (value != null) {
                assertThat(RequestPath.parse(value)).isEqualTo(path);
                assertThat(value).doesNotContain("//", "\\");
                assertThat(value + "/").doesNotContain("/./", "/../");
            }
        });
    }
}

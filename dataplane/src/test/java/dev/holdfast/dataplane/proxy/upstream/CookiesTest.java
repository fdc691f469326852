package dev.holdfast.dataplane.proxy.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.Allocation;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read of a {@code Cookie}. */
class CookiesTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "none",
            value = {
                "hf=1              | 1",
                "a; hf=1           | 1",
                "a;b;c=d;hf=1;hf=2 | 1,2",
                "hf; b=1           | none",
                "hf;=1             | none",
                "=1;hf=            | ''",
                "hf = 1 ;hf=\"2\" | 1,2",
                "HF=1;hff=2;h=3    | none",
                "hf=a=b            | a=b",
                ";;hf=1;           | 1",
                "x hf=1            | none",
                " =1; hf=2         | 2",
                "hf=\"            | \"",
            })
    void whatIsNoPairIsSkipped(String field, String expected) {
        // When
        List<String> values = Cookies.values(List.of(field), "hf");
        // Then
        assertThat(values).isEqualTo(expected == null ? List.of() : Arrays.asList(expected.split(",", -1)));
    }

    @Test
    void aCookieOfAnotherNameIsNotCopied() {
        // Given
        List<String> fields = List.of("of=1;".repeat(3_000));
        // When
        long bytes = Allocation.of(() -> Cookies.values(fields, "hf"));
        // Then
        assertThat(bytes).isLessThan(16_384);
    }
}

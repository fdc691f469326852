package dev.holdfast.operator.compile.translate;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RegexCostTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "/rooms/[0-9]+",
                "/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                "/(a|b|c)*/x{0,20}",
                "/\\p{Greek}+/\\x{10FFFF}/[]a-z[:digit:]]{3}",
                "/{literal}/a{,3}",
                "(((((/a*)*)*)*)*)*"
            })
    void whatPeopleWriteIsCheap(String expression) {
        assertThat(RegexCost.instructions(expression)).isLessThan(RegexCost.INSTRUCTIONS_MAX);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "((a{1000}){1000}){1000}",
                "(((a{0,50}){0,50}){0,50})",
                "(a{1000}){3,}",
                "((\\d[a-z]){99}){99}",
                "\\Q[\\E((a{1000}){1000}){1000}",
                "[[:]((a{1000}){1000}){1000}",
                "a{400}(?i){90}(?i){90}(?i){90}",
                "(a{900})*(?s){900}",
                "a{400}\\Q\\E{90}\\Q\\E{90}"
            })
    void multipliedRepetitionIsNot(String expression) {
        assertThat(RegexCost.instructions(expression)).isGreaterThan(RegexCost.INSTRUCTIONS_MAX);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "/rooms/lobby 0",
                "/x(a{40}){40} 0",
                "/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} 0",
                "/rooms/[0-9]+ 2",
                "/users/[^/]+/rooms/[0-9]+ 11",
                "/users/(?P<user>[^/]+)/ws 7",
                "/users/([^/]+)/ws 7",
                "/(?:v1)/rooms/lobby 0",
                "/(?i:v1)/rooms/lobby 0",
                "/(en|de)/rooms 13",
                "/a{0,400} 400",
                "/x{2,} 3",
                "/(a*){1,40}b 161"
            })
    void onlyWhatStandsBehindAChoiceCanBeAliveAtOnce(String expression, int alive) {
        assertThat(RegexCost.of(expression).alive()).isEqualTo(alive);
    }

    @Test
    void theEstimateIsNeverFarBelowWhatTheCompilerMakes() {
        String[] parts = {
            "a",
            "[a-z]",
            "\\d",
            "(",
            ")",
            "{2}",
            "{0,9}",
            "{3,}",
            "*",
            "+",
            "?",
            "|",
            ".",
            "[]x]",
            "\\p{Greek}",
            "(?i)",
            "\\Q",
            "\\E",
            "[[:]",
            "[[:alpha:]]",
            "{30}"
        };
        int compared = 0;
        for (int seed = 0; seed < 20_000; seed++) {
            // Given
            Random random = new Random(seed);
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 14; i++) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            String expression = text.toString();
            int estimate = RegexCost.instructions(expression);
            if (estimate > RegexCost.INSTRUCTIONS_MAX) {
                continue;
            }
            try {
                // When
                int actual = Pattern.compile(expression).programSize();
                // Then
                assertThat(actual).as(expression).isLessThan(4 * estimate + 40);
                compared++;
            } catch (PatternSyntaxException e) {
                // Not an expression at all.
                continue;
            }
        }
        assertThat(compared).isGreaterThan(300);
    }
}

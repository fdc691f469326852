package dev.holdfast.dataplane.log;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/** What a data plane writes on standard output. */
class JsonLinesTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Logger logger(String lowest) {
        return new JsonLogger("dev.holdfast.Some", JsonLogProvider.lowest(lowest), new JsonLines(out));
    }

    private List<String> lines() {
        return out.toString(StandardCharsets.UTF_8).lines().toList();
    }

    private JsonNode onlyLine() throws IOException {
        assertThat(lines()).hasSize(1);
        return new JsonMapper().readTree(lines().getFirst());
    }

    @Test
    void aMessageIsOneLineWithTheFieldsOfTheSchema() throws Exception {
        // When
        logger("info").info("event=started name={} port={}", "edge", 8080);
        // Then
        JsonNode line = onlyLine();
        assertThat(line.fieldNames())
                .toIterable()
                .containsExactly(
                        "@timestamp", "ecs.version", "log.level", "message", "process.thread.name", "log.logger");
        assertThat(line.get("message").asText()).isEqualTo("event=started name=edge port=8080");
        assertThat(line.get("log.level").asText()).isEqualTo("INFO");
        assertThat(line.get("log.logger").asText()).isEqualTo("dev.holdfast.Some");
        assertThat(line.get("process.thread.name").asText())
                .isEqualTo(Thread.currentThread().getName());
    }

    @ParameterizedTest
    @CsvSource({"2026-11-21T10:00:00Z,2026-11-21T10:00:00.000Z", "2026-11-21T10:00:00.120Z,2026-11-21T10:00:00.120Z"})
    void theTimeAlwaysHasItsMilliseconds(Instant at, String written) throws Exception {
        // When
        new JsonLines(out).write(new JsonLines.Line(at.toEpochMilli(), Level.INFO, "a", "main", "text", null));
        // Then
        assertThat(onlyLine().get("@timestamp").asText()).isEqualTo(written);
    }

    @Test
    void noTextBreaksALine() throws Exception {
        // Given
        String text = "a \"quoted\" \\ text\r\n\twith \u0000\u001b[31m, ü, \uD83D\uDE00 and half a pair \uD83D";
        // When
        logger("info").warn(text);
        // Then
        assertThat(onlyLine().get("message").asText()).isEqualTo(text.substring(0, text.length() - 1) + "?");
    }

    @Test
    void aCauseIsWrittenWithItsTrace() throws Exception {
        // When
        logger("info").error("failed route={}", "r1", new IOException("no space", new IllegalStateException("inner")));
        // Then
        JsonNode line = onlyLine();
        assertThat(line.get("message").asText()).isEqualTo("failed route=r1");
        assertThat(line.get("error.type").asText()).isEqualTo("java.io.IOException");
        assertThat(line.get("error.message").asText()).isEqualTo("no space");
        assertThat(line.get("error.stack_trace").asText())
                .contains("Caused by: java.lang.IllegalStateException: inner", "JsonLinesTest");
    }

    @Test
    void anEndlessTextIsCut() throws Exception {
        // When
        logger("info").info("x".repeat(100_000));
        // Then
        assertThat(onlyLine().get("message").asText()).isEqualTo("x".repeat(JsonLines.TEXT_CHARS_MAX) + "…");
    }

    @ParameterizedTest
    @CsvSource({"trace,5", "DEBUG,4", ",3", "info,3", "nonsense,3", "warn,2", "error,1", "off,0"})
    void theLevelOfTheEnvironmentIsTheLowestThatIsWritten(String lowest, int count) {
        // Given
        Logger logger = logger(lowest);
        // When
        logger.trace("1");
        logger.debug("2");
        logger.info("3");
        logger.warn("4");
        logger.error("5");
        // Then
        assertThat(lines()).hasSize(count);
        assertThat(logger.isDebugEnabled()).isEqualTo(count >= 4);
    }

    @Test
    void slf4jGetsOneLoggerPerName() {
        // Given
        JsonLogProvider provider = new JsonLogProvider();
        // When
        provider.initialize();
        // Then
        assertThat(provider.getLoggerFactory().getLogger("a"))
                .isSameAs(provider.getLoggerFactory().getLogger("a"))
                .isNotSameAs(provider.getLoggerFactory().getLogger("b"));
        assertThat(provider.getMDCAdapter()).isNotNull();
        assertThat(provider.getMarkerFactory()).isNotNull();
    }
}

package dev.holdfast.routetable.wire;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.routetable.RandomTables;
import dev.holdfast.routetable.Seeds;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Whatever arrives that is not version 1 is refused with a {@link WireException} that names no secret. */
class WireStrictnessTest {
    private static final ObjectMapper TREE = new ObjectMapper();
    private static final String KEY_BASE64 = Base64.getEncoder().encodeToString(RandomTables.KEY_MARK.getBytes(UTF_8));

    /** Fields that may be left out, because null is their other value. */
    private static final Set<String> NULLABLE =
            Set.of("certificate", "tls", "caPem", "serverName", "stickyCookie", "maxAge", "sameSite", "host", "zone");

    @Test
    void anUnknownFieldOfATableIsRefusedByItsName() throws Exception {
        int refused = 0;
        for (String sample : WireSamples.updates().keySet()) {
            int records = records(sample(sample)).size();
            for (int i = 0; i < records; i++) {
                // Given
                JsonNode document = sample(sample);
                ObjectNode record = records(document).get(i);
                if (isEnvelope(document, record)) {
                    continue;
                }
                record.put("limitOfALaterVersion", 5);

                // When / Then
                assertThatThrownBy(() -> WireCodec.decodeUpdate(TREE.writeValueAsBytes(document)))
                        .isInstanceOf(WireException.class)
                        .hasMessageEndingWith("limitOfALaterVersion: unknown field (expected: those of version 1)");
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(100);
    }

    @Test
    void anUnknownFieldOfTheEnvelopeIsSkipped() throws Exception {
        for (Map.Entry<String, TableUpdate> sample : WireSamples.updates().entrySet()) {
            for (String value :
                    List.of("5", "null", "\"text\"", "[{\"a\":[]}]", "{\"type\":\"later\",\"version\":{}}")) {
                // Given
                JsonNode document = sample(sample.getKey());
                for (ObjectNode record : records(document)) {
                    if (isEnvelope(document, record)) {
                        record.set("fieldOfALaterVersion", TREE.readTree(value));
                    }
                }

                // When
                TableUpdate decoded = WireCodec.decodeUpdate(TREE.writeValueAsBytes(document));

                // Then
                assertThat(decoded).isEqualTo(sample.getValue());
            }
        }
    }

    @Test
    void anUnknownFieldOfAReportIsSkippedAndAnUnknownOutcomeIsRefused() throws Exception {
        for (Map.Entry<String, ApplyReport> sample : WireSamples.reports().entrySet()) {
            // Given
            ObjectNode document = (ObjectNode) sample(sample.getKey());
            document.put("fieldOfALaterVersion", 5);
            document.withObject("/version").put("fieldOfALaterVersion", 5);
            ObjectNode outcome = document.withObject("/outcome").put("fieldOfALaterVersion", 5);

            // When
            ApplyReport decoded = WireCodec.decodeReport(TREE.writeValueAsBytes(document));
            outcome.put("type", "postponed");

            // Then
            assertThat(decoded).isEqualTo(sample.getValue());
            assertThatThrownBy(() -> WireCodec.decodeReport(TREE.writeValueAsBytes(document)))
                    .isInstanceOf(WireException.class)
                    .hasMessage("outcome: unknown type (expected: one of version 1)");
        }
    }

    @Test
    void anUnknownTypeOrEnumerationValueIsRefusedByItsField() throws Exception {
        // Given
        JsonNode update = sample("keep-alive");
        ((ObjectNode) update).put("type", "later");
        JsonNode action = sample("full");
        ((ObjectNode) action.at("/table/virtualHosts/chat.example.com/routes/0/action")).put("type", "mirror");
        JsonNode plaintext = sample("full");
        ((ObjectNode) plaintext.at("/table/virtualHosts/chat.example.com/routes/0")).put("plaintext", "UPGRADE");

        // When / Then
        assertThatThrownBy(() -> WireCodec.decodeUpdate(TREE.writeValueAsBytes(update)))
                .hasMessage("document: unknown type (expected: one of version 1)");
        assertThatThrownBy(() -> WireCodec.decodeUpdate(TREE.writeValueAsBytes(action)))
                .hasMessage("table.virtualHosts.chat.example.com.routes[0].action: unknown type"
                        + " (expected: one of version 1)");
        assertThatThrownBy(() -> WireCodec.decodeUpdate(TREE.writeValueAsBytes(plaintext)))
                .hasMessageStartingWith("table.virtualHosts.chat.example.com.routes[0].plaintext: unknown value"
                        + " (expected: one of version 1, [");
    }

    @Test
    void aMissingFieldAnywhereIsRefused() throws Exception {
        for (String sample : WireSamples.updates().keySet()) {
            eachField(sample, (record, field) -> {
                record.remove(field);
                return NULLABLE.contains(field);
            });
        }
    }

    @Test
    void aValueOfAnotherTypeAnywhereIsRefused() throws Exception {
        for (String sample : WireSamples.updates().keySet()) {
            for (String other : List.of("null", "true", "1.5", "{}", "[]", "\"\"", "{\"a\":1}", "[1]", "17")) {
                eachField(sample, (record, field) -> {
                    JsonNode before = record.get(field);
                    JsonNode after = TREE.readTree(other);
                    record.set(field, after);
                    return isStillOfItsType(before, after) || after.isNull() && NULLABLE.contains(field);
                });
            }
        }
    }

    @Test
    void aNumberOrAFlagAsTextIsRefused() throws Exception {
        for (String sample : WireSamples.updates().keySet()) {
            eachField(sample, (record, field) -> {
                JsonNode before = record.get(field);
                boolean scalar = before.isNumber() || before.isBoolean();
                if (scalar) {
                    record.put(field, before.asText());
                }
                return !scalar;
            });
        }
    }

    @Test
    void aDuplicateFieldIsRefused() {
        refuses("{\"type\":\"keepAlive\",\"version\":{\"sequence\":1,\"sequence\":1,\"digest\":\""
                + WireSamples.EMPTY_DIGEST + "\"}}");
    }

    @Test
    void whatFollowsTheDocumentIsRefused() throws Exception {
        refuses(text("keep-alive") + " {}");
        refuses(text("keep-alive") + "x");
    }

    @Test
    void whatIsNoDocumentIsRefused() {
        for (String document : List.of("", " ", "null", "[]", "1", "\"full\"", "{}", "{\"type\":\"later\"}", "nul")) {
            refuses(document);
        }
    }

    @Test
    void deepNestingIsRefused() {
        refuses("[".repeat(100_000));
        refuses("{\"type\":\"full\",\"table\":" + "{\"virtualHosts\":".repeat(100_000));
    }

    @Test
    void aReportBeyondItsBoundIsRefused() {
        // Given
        String report = "{\"dataPlane\":\"" + "a".repeat(WireCodec.REPORT_BYTES_MAX) + "\"}";

        // When / Then
        assertThatThrownBy(() -> WireCodec.decodeReport(report.getBytes(UTF_8)))
                .isInstanceOf(WireException.class)
                .hasMessageContaining("expected: at most " + WireCodec.REPORT_BYTES_MAX);
    }

    @Test
    void aDocumentThatIsCutOffAtAnyByteIsRefused() throws Exception {
        byte[] document = WireCodecTest.pinned("full");
        for (int length = 0; length < document.length; length++) {
            refuses(Arrays.copyOf(document, length));
        }
    }

    @Test
    void aDocumentWithDamagedBytesIsReadOrRefusedAndNothingElse() throws Exception {
        byte[] document = WireCodecTest.pinned("full");
        Seeds.check(5_000, random -> {
            // Given
            byte[] damaged = document.clone();
            for (int i = 0; i <= random.nextInt(3); i++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            }

            // When / Then
            try {
                WireCodec.decodeUpdate(damaged);
            } catch (WireException e) {
                assertNoKey(e);
            }
        });
    }

    @Test
    void aKeyInTheWrongPlaceIsNotRepeated() throws Exception {
        for (String sample : List.of("full", "delta-put")) {
            eachField(sample, (record, field) -> {
                boolean text = record.get(field).isTextual();
                record.put(field, RandomTables.KEY_MARK);
                // Free text takes anything; what matters is that no refusal repeats it.
                return text;
            });
        }
    }

    private interface Change {
        /** Changes one field; returns whether the document may still be valid. */
        boolean apply(ObjectNode record, String field) throws Exception;
    }

    /** Applies a change to each field of each record of a sample, one at a time. */
    private static void eachField(String sample, Change change) throws Exception {
        int records = records(TREE.readTree(WireCodecTest.pinned(sample))).size();
        for (int i = 0; i < records; i++) {
            List<String> fields = new ArrayList<>();
            records(TREE.readTree(WireCodecTest.pinned(sample)))
                    .get(i)
                    .fieldNames()
                    .forEachRemaining(fields::add);
            for (String field : fields) {
                JsonNode document = TREE.readTree(WireCodecTest.pinned(sample));
                if (change.apply(records(document).get(i), field)) {
                    tolerates(TREE.writeValueAsBytes(document));
                } else {
                    refuses(TREE.writeValueAsBytes(document));
                }
            }
        }
    }

    /** The update itself and its versions; everything else is a table or a part of one. */
    private static boolean isEnvelope(JsonNode document, JsonNode record) {
        return List.of(document, document.path("version"), document.path("base"))
                .contains(record);
    }

    private static JsonNode sample(String name) throws IOException {
        return TREE.readTree(WireCodecTest.pinned(name));
    }

    /** Every object of a document that is a record and no map. */
    private static List<ObjectNode> records(JsonNode document) {
        List<ObjectNode> found = new ArrayList<>();
        collect(document, false, found);
        return found;
    }

    private static void collect(JsonNode node, boolean map, List<ObjectNode> found) {
        if (node instanceof ArrayNode array) {
            array.forEach(element -> collect(element, false, found));
        } else if (node instanceof ObjectNode object) {
            if (!map) {
                found.add(object);
            }
            object.properties().forEach(field -> {
                boolean section = Set.of("virtualHosts", "upstreams", "endpoints", "certificates", "put")
                        .contains(field.getKey());
                boolean change = field.getValue().has("put") && field.getValue().has("removed");
                collect(field.getValue(), !map && section && !change, found);
            });
        }
    }

    private static boolean isStillOfItsType(JsonNode before, JsonNode after) {
        if (before.isTextual()) {
            // An empty text is a text; whether it is allowed is up to the record.
            return after.isTextual();
        }
        if (before.isArray() || before.isObject()) {
            return before.isArray() ? after.isArray() && after.isEmpty() : after.isObject() && after.isEmpty();
        }
        return before.isIntegralNumber() && after.isIntegralNumber();
    }

    private static String text(String sample) throws Exception {
        return new String(WireCodecTest.pinned(sample), UTF_8);
    }

    private static void refuses(String document) {
        refuses(document.getBytes(UTF_8));
    }

    private static void refuses(byte[] document) {
        try {
            WireCodec.decodeUpdate(document);
        } catch (WireException e) {
            assertNoKey(e);
            return;
        }
        fail("accepted: " + new String(document, UTF_8));
    }

    private static void tolerates(byte[] document) {
        try {
            WireCodec.decodeUpdate(document);
        } catch (WireException e) {
            assertNoKey(e);
        }
    }

    private static void assertNoKey(WireException e) {
        assertThat(e.getMessage()).isNotBlank().hasSizeLessThan(3_000);
        assertThat(e.getMessage() + e.getCause())
                .doesNotContain(RandomTables.KEY_MARK, KEY_BASE64, KEY_BASE64.substring(4, 12));
    }
}

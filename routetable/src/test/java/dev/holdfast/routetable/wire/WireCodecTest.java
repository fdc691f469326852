package dev.holdfast.routetable.wire;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.RandomTables;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Seeds;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableChanges;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.TableDelta;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WireCodecTest {
    @Test
    void whatIsDecodedIsWhatWasEncoded() {
        Seeds.check(1_000, random -> {
            // Given
            RandomTables tables = new RandomTables(random);
            RouteTable before = tables.table();
            RouteTable after = tables.changed(before);
            TableVersion base = version(after);
            TableVersion target = version(after);
            TableUpdate full = new FullTable(target, after);
            TableUpdate delta = new TableDelta(base, target, TableChanges.between(before, after));

            // When
            TableUpdate fullAgain = WireCodec.decodeUpdate(WireCodec.encode(full));
            TableUpdate deltaAgain = WireCodec.decodeUpdate(WireCodec.encode(delta));

            // Then
            assertThat(fullAgain).isEqualTo(full);
            assertThat(deltaAgain).isEqualTo(delta);
            assertThat(WireCodec.encode(fullAgain))
                    .isEqualTo(WireCodec.encode(full))
                    .doesNotContain((byte) '\n');
        });
    }

    @Test
    void everyPinnedSampleIsReadAndWrittenAsItWas() throws Exception {
        for (Map.Entry<String, TableUpdate> sample : WireSamples.updates().entrySet()) {
            // Given
            byte[] pinned = pinned(sample.getKey());

            // When
            TableUpdate decoded = WireCodec.decodeUpdate(pinned);

            // Then
            assertThat(decoded).as(sample.getKey()).isEqualTo(sample.getValue());
            assertThat(new String(WireCodec.encode(sample.getValue()), UTF_8))
                    .as(sample.getKey())
                    .isEqualTo(new String(pinned, UTF_8));
        }
        for (Map.Entry<String, ApplyReport> sample : WireSamples.reports().entrySet()) {
            assertThat(WireCodec.decodeReport(pinned(sample.getKey()))).isEqualTo(sample.getValue());
            assertThat(WireCodec.encode(sample.getValue())).isEqualTo(pinned(sample.getKey()));
        }
    }

    @Test
    void anUpdateIsWrittenToAStreamAsToAnArray() throws IOException {
        // Given
        TableUpdate full = WireSamples.updates().sequencedValues().getFirst();
        ByteArrayOutputStream out = new ByteArrayOutputStream();

        // When
        WireCodec.encode(full, out);

        // Then
        assertThat(out.toByteArray()).isEqualTo(WireCodec.encode(full));
    }

    @Test
    void equalActionsOfATableAreReadAsOne() throws Exception {
        // Given
        RouteTable written = RouteTable.of(
                List.of(host("a.test"), host("b.test")),
                List.of(new Upstream("shop/echo:80", "shop/echo:80", null, Balancing.DEFAULT)),
                List.of(new EndpointGroup("shop/echo:80", List.of())),
                List.of());
        InputStream bytes = new ByteArrayInputStream(WireCodec.encode(new FullTable(version(written), written)));

        // When
        RouteTable read = ((FullTable) WireCodec.decodeUpdate(bytes)).table();

        // Then
        Route one = read.virtualHosts().firstEntry().getValue().routes().getFirst();
        Route other = read.virtualHosts().lastEntry().getValue().routes().getFirst();
        assertThat(read).isEqualTo(written);
        assertThat(one.action()).isSameAs(other.action());
        assertThat(one.match()).isSameAs(other.match());
        assertThat(one.owner()).isSameAs(other.owner());
    }

    @Test
    void theDumpForPeopleHoldsNoKey() throws Exception {
        // Given
        TableUpdate full = WireCodec.decodeUpdate(pinned("full"));
        String encodedKey = java.util.Base64.getEncoder().encodeToString(RandomTables.KEY_MARK.getBytes(UTF_8));

        // When
        String dump = new String(WireCodec.encodeRedacted(full), UTF_8);

        // Then
        assertThat(dump)
                .contains("\"keyPem\":\"<redacted>\"", "shop/tls")
                .doesNotContain(RandomTables.KEY_MARK, encodedKey);
        assertThat(full.toString()).contains("<redacted>").doesNotContain(RandomTables.KEY_MARK, encodedKey);
    }

    @Test
    void theDumpForPeopleHoldsNoValueThatMayBeACredential() throws Exception {
        // Given
        TableUpdate full = WireCodec.decodeUpdate(pinned("full"));

        // When
        String dump = new String(WireCodec.encodeRedacted(full), UTF_8);

        // Then
        assertThat(dump)
                .contains("{\"name\":\"X-Mode\",\"type\":\"EXACT\",\"value\":\"<redacted>\"}")
                .contains("{\"name\":\"room\",\"type\":\"REGEX\",\"value\":\"<redacted>\"}")
                .contains("{\"name\":\"X-Set\",\"value\":\"<redacted>\"}")
                .contains("{\"name\":\"X-Add\",\"value\":\"<redacted>\"}")
                .contains("/socket", "chat.example.com")
                .doesNotContain("live", "é");
    }

    static byte[] pinned(String name) throws IOException {
        try (InputStream in = WireCodecTest.class.getResourceAsStream("/wire/v1/" + name + ".json")) {
            assertThat(in).as("wire/v1/" + name + ".json").isNotNull();
            return new String(in.readAllBytes(), UTF_8).strip().getBytes(UTF_8);
        }
    }

    private static VirtualHost host(String name) {
        Route route = new Route(
                "Ingress/shop/chat/0/0@" + name,
                new Route.Owner("Ingress", "shop", "chat"),
                RouteMatch.ALL,
                RouteAction.Forward.to("shop/echo:80"),
                Route.Plaintext.SERVE);
        return new VirtualHost(new HostPattern(name), null, List.of(route));
    }

    private static TableVersion version(RouteTable table) {
        return new TableVersion(7, new TableDigester().digest(table));
    }
}

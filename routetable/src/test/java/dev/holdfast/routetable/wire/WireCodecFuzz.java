package dev.holdfast.routetable.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.match.MatchIndex;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import org.jspecify.annotations.Nullable;

/**
 * Bytes read as an update and as a report. The only error is the declared one; what is read is written in one form,
 * which is read as the same; every table that is read has a digest and can be indexed, or is refused as the index says.
 */
public final class WireCodecFuzz {
    private static final int MESSAGE_CHARS_MAX = 4096;

    private WireCodecFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) throws WireException {
        TableUpdate update = update(input);
        if (update != null) {
            byte[] written = WireCodec.encode(update);
            assertThat(WireCodec.decodeUpdate(written)).isEqualTo(update);
            assertThat(WireCodec.encode(WireCodec.decodeUpdate(written))).isEqualTo(written);
            assertThat(WireCodec.encodeRedacted(update)).isNotEmpty();
            if (update instanceof TableUpdate.FullTable full) {
                RouteTable table = full.table();
                assertThat(new TableDigester().digest(table)).hasSize(64);
                index(table);
            }
        }
        ApplyReport report = report(input);
        if (report != null) {
            assertThat(WireCodec.decodeReport(WireCodec.encode(report))).isEqualTo(report);
        }
    }

    /** An expression that is none passes the decoder: the index refuses it before the table is swapped in. */
    private static void index(RouteTable table) {
        try {
            MatchIndex.of(table);
        } catch (IllegalArgumentException e) {
            assertThat(e).hasMessageStartingWith("route ").hasMessageContaining("(expected: ");
        }
    }

    private static @Nullable TableUpdate update(byte[] input) {
        try {
            return WireCodec.decodeUpdate(input);
        } catch (WireException e) {
            assertThat(e.getMessage()).hasSizeLessThan(MESSAGE_CHARS_MAX);
            return null;
        }
    }

    private static @Nullable ApplyReport report(byte[] input) {
        try {
            return WireCodec.decodeReport(input);
        } catch (WireException e) {
            assertThat(e.getMessage()).hasSizeLessThan(MESSAGE_CHARS_MAX);
            return null;
        }
    }
}

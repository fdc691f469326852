package dev.holdfast.dataplane.proxy.http1;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.http1.Transcript.Cuts;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An answer as bytes, to a GET and to a HEAD, then the end of the connection. Where reads end changes nothing; what is
 * accepted matches the strict grammar and means the same when it is written again; an answer ends at most once.
 */
public final class ResponseHeadFuzz {
    private static final int HEAD_BYTES_MAX = 256;
    private static final Pattern HEAD =
            Pattern.compile("(?:\r\n)?+(?<line>HTTP/1\\.[0-9] (?<status>[1-9][0-9]{2})(?: [\\t -~\\x80-\\xff]*+)?+)\r\n"
                    + "(?<fields>" + Grammar.FIELDS + ")\r\n");

    private ResponseHeadFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) {
        for (boolean isHead : new boolean[] {false, true}) {
            Transcript whole = Transcript.ofAnswer(input, Cuts.NOWHERE, isHead, HEAD_BYTES_MAX);
            for (Cuts cuts : new Cuts[] {Cuts.ANYWHERE, Cuts.EVERYWHERE}) {
                Transcript cut = Transcript.ofAnswer(input, cuts, isHead, HEAD_BYTES_MAX);
                assertThat(cut.tellsTheSameAs(whole))
                        .as("cut %s: %s (expected: %s)", cuts, cut, whole)
                        .isTrue();
            }
            long ends = whole.events().stream()
                    .filter(event -> event.startsWith("end "))
                    .count();
            assertThat(ends).as("ends").isLessThanOrEqualTo(1);
            if (isHead) {
                assertThat(whole.body()).as("the body of an answer to HEAD").isEmpty();
            }
            compareWithGrammar(new String(input, StandardCharsets.ISO_8859_1), whole);
            for (HttpMessage head : whole.heads()) {
                writtenAgainMeansTheSame((HttpResponse) head);
            }
        }
    }

    private static void compareWithGrammar(String text, Transcript whole) {
        Matcher head = HEAD.matcher(text);
        boolean matches = head.lookingAt();
        if (!whole.heads().isEmpty()) {
            HttpResponse first = (HttpResponse) whole.heads().getFirst();
            assertThat(matches).as("accepted, so the grammar matches").isTrue();
            assertThat(first.status().code()).isEqualTo(Integer.parseInt(head.group("status")));
            assertThat(Grammar.fields(first.headers())).isEqualTo(Grammar.fields(head.group("fields")));
            assertThat(head.group("line").length()).isLessThanOrEqualTo(HEAD_BYTES_MAX);
            assertThat(head.group("fields").length()).isLessThanOrEqualTo(HEAD_BYTES_MAX);
        } else if (matches
                && head.group("line").length() <= HEAD_BYTES_MAX
                && head.group("fields").length() <= HEAD_BYTES_MAX) {
            assertThat(whole.events())
                    .as("the grammar matches, so only its framing can be refused")
                    .anyMatch(Grammar::isAboutFraming);
        }
    }

    private static void writtenAgainMeansTheSame(HttpResponse head) {
        String line = head.protocolVersion() + " " + head.status().code() + " "
                + head.status().reasonPhrase();
        Transcript again = Transcript.ofAnswer(Grammar.write(line, head), Cuts.NOWHERE, true, 4 * HEAD_BYTES_MAX);
        assertThat(again.heads()).hasSize(1);
        HttpResponse same = (HttpResponse) again.heads().getFirst();
        assertThat(same.status().toString()).isEqualTo(head.status().toString());
        assertThat(same.protocolVersion()).isEqualTo(head.protocolVersion());
        assertThat(Grammar.fields(same.headers())).isEqualTo(Grammar.fields(head.headers()));
    }
}

package dev.holdfast.dataplane.proxy.http1;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.http1.Transcript.Cuts;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Requests as bytes. Where reads end changes nothing; what is accepted matches the strict grammar, is within its bounds
 * and means the same when it is written again; what matches the grammar is accepted.
 */
public final class RequestHeadFuzz {
    private static final int LINE_BYTES_MAX = 64;
    private static final int HEAD_BYTES_MAX = 256;

    /** RFC 9112 §3 and §5 without any of what a recipient may forgive. */
    private static final Pattern HEAD = Pattern.compile("(?:\r\n)?+(?<line>(?<method>" + Grammar.TOKEN
            + "++) (?<target>[!-\"$-~\\x80-\\xff]++) HTTP/1\\.[0-9])\r\n(?<fields>" + Grammar.FIELDS + ")\r\n");

    private RequestHeadFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) {
        Transcript whole = Transcript.ofRequests(input, Cuts.NOWHERE, LINE_BYTES_MAX, HEAD_BYTES_MAX);
        for (Cuts cuts : new Cuts[] {Cuts.ANYWHERE, Cuts.EVERYWHERE}) {
            Transcript cut = Transcript.ofRequests(input, cuts, LINE_BYTES_MAX, HEAD_BYTES_MAX);
            assertThat(cut.tellsTheSameAs(whole))
                    .as("cut %s: %s (expected: %s)", cuts, cut, whole)
                    .isTrue();
        }
        compareWithGrammar(new String(input, StandardCharsets.ISO_8859_1), whole);
        for (HttpMessage head : whole.heads()) {
            writtenAgainMeansTheSame((HttpRequest) head);
        }
    }

    private static void compareWithGrammar(String text, Transcript whole) {
        Matcher head = HEAD.matcher(text);
        boolean matches = head.lookingAt();
        if (!whole.heads().isEmpty()) {
            HttpRequest first = (HttpRequest) whole.heads().getFirst();
            assertThat(matches).as("accepted, so the grammar matches").isTrue();
            assertThat(first.method().name()).isEqualTo(head.group("method"));
            assertThat(first.uri()).isEqualTo(head.group("target"));
            assertThat(Grammar.fields(first.headers())).isEqualTo(Grammar.fields(head.group("fields")));
            assertThat(head.group("line").length()).isLessThanOrEqualTo(LINE_BYTES_MAX);
            assertThat(head.group("fields").length()).isLessThanOrEqualTo(HEAD_BYTES_MAX);
        } else if (matches
                && head.group("line").length() <= LINE_BYTES_MAX
                && head.group("fields").length() <= HEAD_BYTES_MAX
                && Grammar.isUtf8(head.group("target"))) {
            assertThat(whole.events())
                    .as("the grammar matches, so only its framing can be refused")
                    .anyMatch(Grammar::isAboutFraming);
        }
    }

    private static void writtenAgainMeansTheSame(HttpRequest head) {
        String line = head.method() + " " + head.uri() + " " + head.protocolVersion();
        Transcript again = Transcript.ofOneRequest(Grammar.write(line, head), Cuts.NOWHERE, 4 * HEAD_BYTES_MAX);
        assertThat(again.heads()).hasSize(1);
        HttpRequest same = (HttpRequest) again.heads().getFirst();
        assertThat(same.method()).isEqualTo(head.method());
        assertThat(same.uri()).isEqualTo(head.uri());
        assertThat(same.protocolVersion()).isEqualTo(head.protocolVersion());
        assertThat(Grammar.fields(same.headers())).isEqualTo(Grammar.fields(head.headers()));
    }
}

package dev.holdfast.dataplane.proxy.http1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * What a decoder told while it read some bytes, and what it left.
 *
 * @param events one line each; adjacent parts of a body are one event
 * @param heads the heads among them
 * @param body all parts of bodies together, one byte per character
 * @param rest the bytes behind the last message that was taken, one byte per character
 */
record Transcript(List<String> events, List<HttpMessage> heads, String body, String rest) {
    /** Where to cut the same bytes. */
    enum Cuts {
        NOWHERE,
        ANYWHERE,
        EVERYWHERE
    }

    /** Requests, one after another. */
    static Transcript ofRequests(byte[] bytes, Cuts cuts, int startLineBytesMax, int headBytesMax) {
        return new Recorder(Integer.MAX_VALUE)
                .read(sink -> new RequestDecoderHandler(sink, startLineBytesMax, headBytesMax), bytes, cuts);
    }

    /** One request; what follows it is the rest. */
    static Transcript ofOneRequest(byte[] bytes, Cuts cuts, int headBytesMax) {
        return new Recorder(1).read(sink -> new RequestDecoderHandler(sink, headBytesMax, headBytesMax), bytes, cuts);
    }

    /** One answer with its interim ones, then the end of the connection. */
    static Transcript ofAnswer(byte[] bytes, Cuts cuts, boolean isHead, int headBytesMax) {
        Function<Recorder, MessageDecoderHandler> expecting = sink -> {
            ResponseDecoderHandler decoder = new ResponseDecoderHandler(sink, headBytesMax);
            decoder.expect(isHead);
            return decoder;
        };
        return new Recorder(1).read(expecting, bytes, cuts);
    }

    boolean isRefused() {
        return events.stream().anyMatch(event -> event.startsWith("refused "));
    }

    boolean isComplete() {
        return events.stream().anyMatch(event -> event.startsWith("end "));
    }

    /** Equal but for the objects of the heads, which the events tell. */
    boolean tellsTheSameAs(Transcript other) {
        return events.equals(other.events) && body.equals(other.body) && rest.equals(other.rest);
    }

    private static final class Recorder implements RequestDecoderHandler.Sink, ResponseDecoderHandler.Sink {
        private final List<String> events = new ArrayList<>();
        private final List<HttpMessage> heads = new ArrayList<>();
        private final StringBuilder body = new StringBuilder();
        private final StringBuilder part = new StringBuilder();
        private final int messagesMax;
        private int messages;
        private Runnable next = () -> {};

        Recorder(int messagesMax) {
            this.messagesMax = messagesMax;
        }

        Transcript read(Function<Recorder, MessageDecoderHandler> decoder, byte[] bytes, Cuts cuts) {
            MessageDecoderHandler handler = decoder.apply(this);
            next = handler::next;
            EmbeddedChannel channel = new EmbeddedChannel(handler);
            pieces(bytes, cuts, piece -> {
                channel.writeInbound(Unpooled.copiedBuffer(piece));
                channel.runPendingTasks();
            });
            StringBuilder rest = new StringBuilder();
            if (handler instanceof RequestDecoderHandler) {
                channel.pipeline().remove(handler);
                for (ByteBuf left = channel.readInbound(); left != null; left = channel.readInbound()) {
                    rest.append(left.toString(StandardCharsets.ISO_8859_1));
                    left.release();
                }
            }
            channel.finishAndReleaseAll();
            endPart();
            return new Transcript(List.copyOf(events), List.copyOf(heads), body.toString(), rest.toString());
        }

        @Override
        public void begun() {
            events.add("begun");
        }

        @Override
        public void request(HttpRequest head, Framing framing) {
            heads.add(head);
            events.add("request " + head.method() + " " + head.uri() + " " + head.protocolVersion() + " " + framing
                    + " " + Grammar.fields(head.headers()));
        }

        @Override
        public void response(HttpResponse head, Framing framing) {
            heads.add(head);
            events.add("answer " + head.status() + " " + head.protocolVersion() + " " + framing + " "
                    + Grammar.fields(head.headers()));
        }

        @Override
        public void content(ByteBuf bytes) {
            if (!bytes.isReadable()) {
                throw new AssertionError("a part of a body without a byte");
            }
            part.append(bytes.toString(StandardCharsets.ISO_8859_1));
            bytes.release();
        }

        @Override
        public void end(HttpHeaders trailers) {
            endPart();
            events.add("end " + Grammar.fields(trailers));
            if (++messages < messagesMax) {
                next.run();
            }
        }

        @Override
        public void refused(Refusal refusal) {
            endPart();
            events.add("refused " + refusal.status() + " " + refusal.reason());
        }

        @Override
        public void closed() {
            endPart();
            events.add("closed");
        }

        private void endPart() {
            if (!part.isEmpty()) {
                events.add("body " + part);
                body.append(part);
                part.setLength(0);
            }
        }
    }

    /** The pieces of the bytes; where they are cut anywhere, the bytes themselves decide where. */
    private static void pieces(byte[] bytes, Cuts cuts, Consumer<byte[]> piece) {
        SplittableRandom random = new SplittableRandom(Arrays.hashCode(bytes));
        int at = 0;
        while (at < bytes.length) {
            int left = bytes.length - at;
            int length = switch (cuts) {
                case NOWHERE -> left;
                case EVERYWHERE -> 1;
                case ANYWHERE -> Math.min(left, 1 + random.nextInt(random.nextBoolean() ? 4 : 64));
            };
            piece.accept(Arrays.copyOfRange(bytes, at, at + length));
            at += length;
        }
    }
}

package dev.holdfast.dataplane.conformance.rig;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/**
 * The metamorphic rule of every parser: bytes mean the same however the network cuts them. Sends a request whole, cut in
 * two at every byte, and a byte at a time, each on a connection of its own; {@link SplitAnswers} does so with an answer.
 */
public final class Splits {
    private static final int AT_ONCE = 8;

    private Splits() {}

    /** What a request came to. */
    @FunctionalInterface
    public interface Outcome {
        /** Reads it from the connection after the request was sent. */
        String of(RawClient client) throws IOException;
    }

    /** Plays one way of sending bytes: 0 is whole, their number a byte at a time, what is between cut before that byte. */
    @FunctionalInterface
    interface Play {
        /** What the bytes came to. */
        String in(int way) throws IOException;
    }

    /** The outcome in one write; an error if any other way of sending has another. */
    public static String alike(Front front, String request, Outcome outcome) throws Exception {
        return alike(request, way -> {
            try (RawClient client = front.client()) {
                return outcome.of(send(client, request, way));
            }
        });
    }

    private static RawClient send(RawClient client, String request, int way) throws IOException {
        if (way == 0) {
            return client.sendIfOpen(request);
        }
        return way < request.length() ? client.sendSplit(request, way) : client.sendEachByte(request);
    }

    /** The outcome of the bytes when they are sent whole; an error if any other way of sending has another. */
    static String alike(String bytes, Play play) throws Exception {
        String whole = run(play, 0);
        Semaphore slots = new Semaphore(AT_ONCE);
        List<Future<String>> outcomes = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 1; i <= bytes.length(); i++) {
                int way = i;
                slots.acquire();
                outcomes.add(threads.submit(() -> {
                    try {
                        return run(play, way);
                    } finally {
                        slots.release();
                    }
                }));
            }
        }
        for (int i = 0; i < outcomes.size(); i++) {
            String other = get(outcomes.get(i));
            if (!other.equals(whole)) {
                String way = i + 1 < bytes.length() ? "cut at byte " + (i + 1) : "byte by byte";
                throw new AssertionError(show(bytes) + " " + way + ": " + other + " (expected: " + whole + ")");
            }
        }
        return whole;
    }

    /** The status and whether the connection ended after it: {@code 400 closed}. */
    public static String verdict(RawClient client) throws IOException {
        RawResponse response = client.response();
        return response.status() + (client.end().ended() ? " closed" : " open");
    }

    /** Bytes in a form for messages: a character per byte, the unprintable escaped. */
    public static String show(String bytes) {
        StringBuilder text = new StringBuilder("\"");
        for (char c : bytes.toCharArray()) {
            switch (c) {
                case '\r' -> text.append("\\r");
                case '\n' -> text.append("\\n");
                case '\t' -> text.append("\\t");
                default -> text.append(c < 0x20 || c > 0x7e ? String.format("\\x%02x", (int) c) : String.valueOf(c));
            }
        }
        return text.append('"').toString();
    }

    private static String run(Play play, int way) {
        try {
            return play.in(way);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static String get(Future<String> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        }
    }
}

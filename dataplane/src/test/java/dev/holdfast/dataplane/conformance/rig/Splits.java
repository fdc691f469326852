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
 * two at every byte, and a byte at a time, each on a connection of its own.
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

    /** The outcome in one write; an error if any other way of sending has another. */
    public static String alike(ProxyRig rig, String request, Outcome outcome) throws Exception {
        String whole = run(rig, client -> client.sendIfOpen(request), outcome);
        List<Sending> ways = new ArrayList<>();
        for (int i = 1; i < request.length(); i++) {
            int at = i;
            ways.add(client -> client.sendSplit(request, at));
        }
        ways.add(client -> client.sendEachByte(request));
        Semaphore slots = new Semaphore(AT_ONCE);
        List<Future<String>> outcomes = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Sending way : ways) {
                slots.acquire();
                outcomes.add(threads.submit(() -> {
                    try {
                        return run(rig, way, outcome);
                    } finally {
                        slots.release();
                    }
                }));
            }
        }
        for (int i = 0; i < outcomes.size(); i++) {
            String other = get(outcomes.get(i));
            if (!other.equals(whole)) {
                String way = i < request.length() - 1 ? "cut at byte " + (i + 1) : "byte by byte";
                throw new AssertionError(show(request) + " " + way + ": " + other + " (expected: " + whole + ")");
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

    @FunctionalInterface
    private interface Sending {
        RawClient send(RawClient client) throws IOException;
    }

    private static String run(ProxyRig rig, Sending way, Outcome outcome) throws IOException {
        try (RawClient client = rig.client()) {
            return outcome.of(way.send(client));
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

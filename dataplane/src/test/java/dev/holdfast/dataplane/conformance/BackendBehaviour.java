package dev.holdfast.dataplane.conformance;

import dev.holdfast.dataplane.conformance.rig.BackendConnection;
import dev.holdfast.dataplane.conformance.rig.Head;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import java.io.IOException;

/** How a backend answers attacks. Probes and canaries it always answers plainly, with their own target. */
enum BackendBehaviour {
    KEEP_ALIVE,
    CLOSE,
    EARLY,
    EARLY_CLOSE,
    SLOW,
    CHUNKED,
    NO_LENGTH,
    INTERIM_FIRST,
    ERROR,
    SILENT_CLOSE,
    RESET,
    GLUED;

    /** Whether every request of an attack gets its answer, so that the ones behind it are served as well. */
    boolean answersAll() {
        return switch (this) {
            case KEEP_ALIVE, SLOW, CHUNKED, INTERIM_FIRST, ERROR -> true;
            case CLOSE, EARLY, EARLY_CLOSE, NO_LENGTH, SILENT_CLOSE, RESET, GLUED -> false;
        };
    }

    /** Whether a request may come again, because its connection died before any answer (RFC 9112 §9.3.1). */
    boolean dies() {
        return switch (this) {
            case SILENT_CLOSE, RESET -> true;
            case KEEP_ALIVE, CLOSE, EARLY, EARLY_CLOSE, SLOW, CHUNKED, NO_LENGTH, INTERIM_FIRST, ERROR, GLUED -> false;
        };
    }

    /** Whether it answers a request whose body is still to come. */
    boolean answersEarly() {
        return this == EARLY || this == EARLY_CLOSE;
    }

    /** Serves one connection. */
    void play(BackendConnection connection) throws IOException {
        Head head;
        boolean open = true;
        while (open && (head = connection.nextHead()) != null) {
            String target = head.word(1);
            boolean plain = target.startsWith("/canary") || target.startsWith("/probe");
            String text = head.word(0).equals("HEAD") ? "" : head.word(0) + " " + target;
            if (plain) {
                connection.body(head);
                connection.send(ok("200 OK", head, text));
            } else if (answersEarly()) {
                connection.send(ok("200 OK", head, text));
                connection.body(head);
                open = this == EARLY;
            } else {
                open = connection.body(head).complete() && answer(connection, head, text);
            }
        }
    }

    private boolean answer(BackendConnection connection, Head head, String text) throws IOException {
        switch (this) {
            case KEEP_ALIVE, EARLY, EARLY_CLOSE -> connection.send(ok("200 OK", head, text));
            case ERROR -> connection.send(ok("500 Oops", head, text));
            case CLOSE -> connection.send(ok("200 OK\r\nConnection: close", head, text));
            case SLOW -> {
                String answer = ok("200 OK", head, text);
                connection.send(answer.substring(0, 20)).pause(5).send(answer.substring(20, 30));
                connection.pause(5).send(answer.substring(30));
            }
            case CHUNKED -> {
                String size = Integer.toHexString(text.length());
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + (text.isEmpty() ? "" : size + "\r\n" + text + "\r\n0\r\n\r\n"));
            }
            case NO_LENGTH -> connection.send("HTTP/1.1 200 OK\r\n\r\n" + text);
            case INTERIM_FIRST -> connection.send("HTTP/1.1 103 Early Hints\r\n\r\n" + ok("200 OK", head, text));
            case SILENT_CLOSE -> {}
            case RESET -> connection.reset();
            case GLUED ->
                connection.send(ok("200 OK", head, text) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        }
        return switch (this) {
            case CLOSE, NO_LENGTH, SILENT_CLOSE, RESET -> false;
            case KEEP_ALIVE, EARLY, EARLY_CLOSE, SLOW, CHUNKED, INTERIM_FIRST, ERROR, GLUED -> true;
        };
    }

    private static String ok(String status, Head head, String text) {
        int length = head.word(0).equals("HEAD") ? ("HEAD " + head.word(1)).length() : text.length();
        return "HTTP/1.1 " + status + "\r\nContent-Length: " + length + "\r\n\r\n" + text;
    }

    /** Starts a backend that behaves like this on every connection; closes each when its script ends. */
    ScriptedBackend start() throws IOException {
        return ScriptedBackend.playing(connection -> {
            play(connection);
            connection.close();
        });
    }
}

package dev.holdfast.dataplane.conformance.rig;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A backend with one answer, sent in every way there is: whole, cut in two at every byte, and a byte at a time. Targets
 * that no way has are answered 200 with themselves.
 */
public final class SplitAnswers implements AutoCloseable {
    private static final String WAY = "/way-";

    private final String answer;
    private final ScriptedBackend.Script afterwards;
    private final ScriptedBackend backend;

    private SplitAnswers(String answer, ScriptedBackend.Script afterwards) throws IOException {
        this.answer = answer;
        this.afterwards = afterwards;
        this.backend = ScriptedBackend.playing(this::play);
    }

    /** Starts a backend that waits for the next request behind its answer. */
    public static SplitAnswers of(String answer) throws IOException {
        return of(answer, connection -> {});
    }

    /** Starts a backend that does this behind its answer. */
    public static SplitAnswers of(String answer, ScriptedBackend.Script afterwards) throws IOException {
        return new SplitAnswers(answer, afterwards);
    }

    /** The backend. */
    public ScriptedBackend backend() {
        return backend;
    }

    /** The outcome of the answer in one write to a request for {@code /}; an error if any other way has another. */
    public String alike(Front front, String request, Splits.Outcome outcome) throws Exception {
        return Splits.alike(answer, way -> {
            try (RawClient client = front.client()) {
                return outcome.of(client.send(request.replaceFirst(" / ", " " + WAY + way + " ")));
            }
        });
    }

    /** Requests that came on a connection behind its answer. */
    public List<SeenRequest> behindTheAnswer() {
        Set<Integer> spent = new HashSet<>();
        List<SeenRequest> behind = new ArrayList<>();
        for (SeenRequest request : backend.requests()) {
            if (spent.contains(request.connection())) {
                behind.add(request);
            }
            if (isForAnswer(request)) {
                spent.add(request.connection());
            }
        }
        return behind;
    }

    @Override
    public void close() throws IOException {
        backend.close();
    }

    private static boolean isForAnswer(SeenRequest request) {
        return request.target().startsWith(WAY);
    }

    private void play(BackendConnection connection) throws IOException {
        SeenRequest request;
        while ((request = connection.next()) != null) {
            if (isForAnswer(request)) {
                send(connection, Integer.parseInt(request.target().substring(WAY.length())));
                afterwards.play(connection);
            } else {
                connection.send(ScriptedBackend.echoOf(request));
            }
        }
    }

    private void send(BackendConnection connection, int way) throws IOException {
        if (way == 0) {
            connection.send(answer);
        } else if (way < answer.length()) {
            connection.sendSplit(answer, way);
        } else {
            connection.sendEachByte(answer);
        }
    }
}

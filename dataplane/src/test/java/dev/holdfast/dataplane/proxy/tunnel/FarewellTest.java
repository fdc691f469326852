package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whoever says Close first, and however streams end then: nobody sees an end before the Close it is owed. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FarewellTest {
    private static final int TUNNELS = 960;
    private static final int AT_ONCE = 32;
    private static final byte[] UP = Frames.frame(0x82, new byte[3_000], true);
    private static final byte[] DOWN = Frames.frame(0x82, new byte[150_000], false);

    private final ScriptedBackend backend = new ScriptedBackend();
    private TestFront front = new TestFront(Relaying.DIRECT);

    private record Ends(Wire client, Wire server) {}

    /** What a peer does once both Closes have passed it. */
    private enum Leave {
        CLOSE {
            @Override
            void end(Wire wire) {
                wire.close();
            }
        },
        HALF_CLOSE {
            @Override
            void end(Wire wire) {
                wire.fin().readToEnd();
                wire.close();
            }
        },
        WAIT_FOR_THE_OTHER {
            @Override
            void end(Wire wire) {
                wire.readToEnd();
                wire.close();
            }
        };

        abstract void end(Wire wire);
    }

    @AfterEach
    void stop() {
        front.close();
        backend.close();
    }

    private Ends open() {
        front.route(backend.port());
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        return new Ends(client, server);
    }

    @Test
    void aBackendThatHasTheCloseItIsOwedAndEndsIsNotKeptOpenForTheClient() {
        // Given
        Ends ends = open();
        await().untilAsserted(() -> assertThat(front.direct()).isOne());
        ends.client().send(Frames.maskedClose(1000));
        ends.server().read(8);
        // When
        ends.server().send(Frames.close(1000)).fin();
        // Then
        assertThat(ends.server().readToEnd()).isEmpty();
        assertThat(front.closed).isEmpty();
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.close(1000));
        ends.client().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        assertThat(front.closed.element().reason()).isEqualTo(TunnelEnd.Reason.CLOSE_FRAME);
        ends.server().close();
    }

    @Test
    void aClientThatGoesOnAfterItsCloseStillReadsTheOther() {
        // Given
        Ends ends = open();
        await().untilAsserted(() -> assertThat(front.direct()).isOne());
        ends.client().send(Frames.maskedClose(1000));
        ends.server().read(8);
        // When
        ends.server().send(Frames.close(1000)).fin().readToEnd();
        ends.client().send(UP).send(UP);
        // Then
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.close(1000));
        ends.client().close();
        ends.server().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
    }

    @ParameterizedTest
    @EnumSource
    void nobodySeesAnEndBeforeTheClose(Relaying relaying) throws Exception {
        // Given
        front.close();
        front = new TestFront(relaying);
        front.route(backend.port());
        List<Future<String>> told = Collections.synchronizedList(new ArrayList<>());
        // When
        try (ExecutorService clients = Executors.newFixedThreadPool(AT_ONCE);
                ExecutorService servers = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> accepting = servers.submit(() -> {
                for (int i = 0; i < TUNNELS; i++) {
                    Wire server = backend.accept();
                    told.add(servers.submit(() -> serve(server)));
                }
            });
            List<Callable<String>> calls = new ArrayList<>();
            for (int i = 0; i < TUNNELS; i++) {
                int way = i;
                calls.add(() -> call(way));
            }
            told.addAll(clients.invokeAll(calls));
            accepting.get();
        }
        // Then
        List<String> wrong = new ArrayList<>();
        for (Future<String> one : told) {
            if (!one.get().isEmpty()) {
                wrong.add(one.get());
            }
        }
        assertThat(wrong).isEmpty();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(TUNNELS));
    }

    /** One of 36 ways to end; the request tells the backend its part. Returns what went wrong, or nothing. */
    private String call(int way) {
        boolean clientFirst = way % 2 == 0;
        boolean much = way / 2 % 2 == 0;
        Leave clientLeaves = Leave.values()[way / 4 % 3];
        Leave serverLeaves = Leave.values()[way / 12 % 3];
        if (clientLeaves == Leave.WAIT_FOR_THE_OTHER && serverLeaves == Leave.WAIT_FOR_THE_OTHER) {
            serverLeaves = Leave.CLOSE;
        }
        byte[] owed = much ? concat(DOWN, Frames.close(1000)) : Frames.close(1000);
        byte[] mine = concat(UP, Frames.maskedClose(1000));
        int count = 0;
        try (Wire client = front.client()) {
            client.send(REQUEST.replace(
                    "x=1 ", "x=1&first=" + clientFirst + "&much=" + much + "&leave=" + serverLeaves + " "));
            client.head();
            if (clientFirst) {
                client.send(mine);
            }
            byte[] read = client.in().readNBytes(owed.length);
            count = read.length;
            if (!Arrays.equals(read, owed)) {
                return "way " + way + ": client saw the end after " + count + " of " + owed.length;
            }
            if (!clientFirst) {
                client.send(mine);
            }
            clientLeaves.end(client);
            return "";
        } catch (Exception e) {
            return "way " + way + ": client after " + count + " of " + owed.length + ": " + e;
        }
    }

    private static String serve(Wire server) {
        String way = "";
        try (server) {
            String head = server.head();
            way = head.substring(0, head.indexOf("\r\n"));
            byte[] mine = way.contains("much=true") ? concat(DOWN, Frames.close(1000)) : Frames.close(1000);
            boolean clientFirst = way.contains("first=true");
            server.send(switching(head));
            if (!clientFirst) {
                server.send(mine);
            }
            server.read(UP.length + 8);
            if (clientFirst) {
                server.send(mine);
            }
            for (Leave leave : Leave.values()) {
                if (way.contains("leave=" + leave + " ")) {
                    leave.end(server);
                }
            }
            return "";
        } catch (Exception e) {
            return "backend of " + way + ": " + e;
        }
    }

    private static byte[] concat(byte[] one, byte[] two) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(one);
        all.writeBytes(two);
        return all.toByteArray();
    }
}

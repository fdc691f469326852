package dev.holdfast.operator;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.wire.WireCodec;
import dev.holdfast.routetable.wire.WireException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A data plane without a proxy: follows the stream over a socket, keeps the table, reports on request. */
final class StreamReader implements AutoCloseable {
    /** One event as it came. */
    record Event(TableUpdate update, int bytes) {}

    private final URI operator;
    private final String name;
    private final HttpClient client;
    private volatile Tokens.@Nullable Shown shown;
    private final InputStream body;
    private final int status;
    private volatile boolean ended;
    private final List<Event> events = new CopyOnWriteArrayList<>();
    private volatile RouteTable table = RouteTable.EMPTY;
    private volatile @Nullable TableVersion version;

    StreamReader(URI operator, String name) throws IOException, InterruptedException {
        this(operator, name, null);
    }

    StreamReader(URI operator, String name, Tokens.@Nullable Shown shown) throws IOException, InterruptedException {
        this.operator = operator;
        this.name = name;
        this.shown = shown;
        HttpClient.Builder builder = HttpClient.newBuilder();
        client = (shown == null ? builder : builder.sslContext(shown.trust())).build();
        HttpResponse<InputStream> response =
                client.send(request("/v1/tables").build(), HttpResponse.BodyHandlers.ofInputStream());
        status = response.statusCode();
        body = response.body();
        Thread.ofVirtual().start(this::read);
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(operator.resolve(path)).header("Holdfast-Data-Plane", name);
        Tokens.Shown now = shown;
        if (now != null) {
            request.header("Authorization", "Bearer " + now.token());
        }
        return request;
    }

    /** Shows another token from now on. */
    void show(String token) {
        Tokens.Shown before = shown;
        if (before != null) {
            shown = new Tokens.Shown(token, before.trust());
        }
    }

    /** What the operator answered. */
    int status() {
        return status;
    }

    /** Whether the stream is over. */
    boolean hasEnded() {
        return ended;
    }

    /** The table that the updates so far add up to. */
    RouteTable table() {
        return table;
    }

    @Nullable
    TableVersion version() {
        return version;
    }

    /** Every update so far, keep-alives not counted. */
    List<Event> events() {
        return events.stream()
                .filter(event -> !(event.update instanceof TableUpdate.KeepAlive))
                .toList();
    }

    boolean serves(String host) {
        return table.virtualHosts().containsKey(host);
    }

    /** Answers the last update. */
    int report(ApplyOutcome outcome) throws IOException, InterruptedException {
        return report(operator, outcome, "here");
    }

    /** Tells another replica, which sends this reader no tables. */
    int reportTo(ClusterOperator other, ApplyOutcome outcome) throws IOException, InterruptedException {
        return report(other.streamUri(), outcome, "elsewhere");
    }

    /** Tells another replica that this data plane ends. */
    int endAt(ClusterOperator other) throws IOException, InterruptedException {
        return report(other.streamUri(), new ApplyOutcome.Unchanged(), "ended");
    }

    private int report(URI replica, ApplyOutcome outcome, String stream) throws IOException, InterruptedException {
        TableVersion held = version;
        if (held == null) {
            throw new AssertionError("nothing to report on yet");
        }
        HttpRequest request = request("/v1/reports")
                .uri(replica.resolve("/v1/reports"))
                .header("Holdfast-Stream", stream)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(WireCodec.encode(new ApplyReport(name, held, outcome))))
                .build();
        return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }

    @Override
    public void close() throws IOException {
        body.close();
        client.shutdownNow();
    }

    private void read() {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
            String line = lines.readLine();
            while (line != null) {
                if (line.startsWith("data: ")) {
                    take(line.substring(6).getBytes(StandardCharsets.UTF_8));
                }
                line = lines.readLine();
            }
        } catch (IOException e) {
            // Closed by the test or by the operator.
        } finally {
            ended = true;
        }
    }

    private void take(byte[] json) {
        try {
            TableUpdate update = WireCodec.decodeUpdate(json);
            table = switch (update) {
                case TableUpdate.FullTable full -> full.table();
                case TableUpdate.TableDelta delta -> delta.changes().applyTo(table);
                case TableUpdate.KeepAlive keepAlive -> table;
            };
            version = update.version();
            events.add(new Event(update, json.length));
        } catch (WireException e) {
            throw new AssertionError(e);
        }
    }
}

package dev.holdfast.operator.publish;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.wire.WireCodec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A data plane as the stream sees it: reads events, one line at a time. */
final class StreamReader implements AutoCloseable {
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    record Event(String id, String type, TableUpdate update) {}

    private final HttpResponse<InputStream> response;
    private final BufferedReader lines;

    private StreamReader(HttpResponse<InputStream> response) {
        this.response = response;
        this.lines = new BufferedReader(new InputStreamReader(response.body(), UTF_8));
    }

    static StreamReader open(URI server, String name, @Nullable String lastEventId) throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(server.resolve("/v1/tables")).header("Holdfast-Data-Plane", name);
        if (lastEventId != null) {
            request.header("Last-Event-ID", lastEventId);
        }
        return new StreamReader(HTTP.send(request.build(), BodyHandlers.ofInputStream()));
    }

    HttpResponse<InputStream> response() {
        return response;
    }

    /** The next block of lines: an event, or a comment. */
    List<String> block() throws IOException {
        List<String> block = new ArrayList<>();
        for (String line = lines.readLine(); line != null && !line.isEmpty(); line = lines.readLine()) {
            block.add(line);
        }
        if (block.isEmpty()) {
            throw new IOException("the stream ended");
        }
        return block;
    }

    /** The next event; skips comments. */
    Event event() throws Exception {
        List<String> block = block();
        while (block.equals(List.of(":"))) {
            block = block();
        }
        if (block.size() != 3) {
            throw new IOException("not an event: " + block);
        }
        String data = block.get(2).substring("data: ".length());
        return new Event(
                block.get(0).substring("id: ".length()),
                block.get(1).substring("event: ".length()),
                WireCodec.decodeUpdate(data.getBytes(UTF_8)));
    }

    @Override
    public void close() throws IOException {
        response.body().close();
    }
}

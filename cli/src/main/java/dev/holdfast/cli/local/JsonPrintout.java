package dev.holdfast.cli.local;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.cli.manifest.FileNotice;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.dataplane.proxy.tunnel.TunnelInfo;
import dev.holdfast.operator.diagnostic.Diagnostic;
import java.io.PrintStream;
import java.time.Instant;
import java.util.SortedSet;
import java.util.function.Consumer;

/** Prints events for programs: one JSON object per line, with {@code time} and {@code event}. */
public final class JsonPrintout implements Consumer<LocalEvent> {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final PrintStream out;

    /** Prints to {@code out}. */
    public JsonPrintout(PrintStream out) {
        this.out = out;
    }

    @Override
    public void accept(LocalEvent event) {
        ObjectNode line = NODES.objectNode().put("time", Instant.now().toString());
        switch (event) {
            case LocalEvent.Started started -> {
                line.put("event", "started").put("origin", started.origin());
                line.put("httpPort", started.ports().http());
                line.put("httpsPort", started.ports().https());
                line.put("adminPort", started.ports().admin());
                line.put("routes", started.table().routeCount());
            }
            case LocalEvent.Reached reached ->
                line.put("event", "backend")
                        .put("backend", reached.backend())
                        .put("reachable", reached.reachable())
                        .put("millis", reached.took().toMillis());
            case LocalEvent.Changed changed -> changed(line, changed);
            case LocalEvent.Appeared appeared -> diagnostic(line.put("event", "problem"), appeared.diagnostic());
            case LocalEvent.Resolved resolved -> diagnostic(line.put("event", "solved"), resolved.diagnostic());
            case LocalEvent.Noticed noticed -> notice(line, noticed.notice());
            case LocalEvent.Refused refused -> line.put("event", "refused").put("reason", refused.reason());
            case LocalEvent.Opened opened -> tunnel(line.put("event", "open"), opened.tunnel());
            case LocalEvent.Closed closed -> closed(tunnel(line.put("event", "close"), closed.tunnel()), closed.end());
            case LocalEvent.Draining draining ->
                line.put("event", "draining")
                        .put("from", draining.from())
                        .put("remaining", draining.remaining())
                        .put("millisLeft", draining.left().toMillis());
            case LocalEvent.Drained drained ->
                line.put("event", "ended")
                        .put("drained", drained.result().drained())
                        .put("cut", drained.result().cut());
            case LocalEvent.LeftOut leftOut -> line.put("event", "leftOut").put("events", leftOut.events());
        }
        out.println(line);
        out.flush();
    }

    private static void changed(ObjectNode line, LocalEvent.Changed changed) {
        TableDifference difference = changed.difference();
        line.put("event", "table").put("version", changed.version().toString());
        line.set("routesAdded", array(difference.routesAdded()));
        line.set("routesRemoved", array(difference.routesRemoved()));
        line.set("routesChanged", array(difference.routesChanged()));
        line.set("endpointsChanged", array(difference.endpointsChanged()));
        line.set("certificatesChanged", array(difference.certificatesChanged()));
        line.put("tunnelsOpen", changed.tunnelsOpen()).put("tunnelsAffected", changed.tunnelsAffected());
    }

    private static ArrayNode array(SortedSet<String> keys) {
        ArrayNode array = NODES.arrayNode();
        keys.forEach(array::add);
        return array;
    }

    /** The fields that {@code lint -o json} has too. */
    public static ObjectNode diagnostic(ObjectNode line, Diagnostic diagnostic) {
        return line.put("severity", diagnostic.code().severity().name().toLowerCase(java.util.Locale.ROOT))
                .put("code", diagnostic.code().name())
                .put("reason", diagnostic.code().reason())
                .put("kind", diagnostic.subject().kind())
                .put("namespace", diagnostic.subject().namespace())
                .put("name", diagnostic.subject().name())
                .put("field", diagnostic.fieldPath())
                .put("message", diagnostic.message());
    }

    /** The fields of a notice, with its {@code event}; {@code lint -o json} has them too. */
    public static ObjectNode notice(ObjectNode line, FileNotice notice) {
        line.put("file", notice.file().toString());
        switch (notice) {
            case FileNotice.Broken broken ->
                line.put("event", "broken")
                        .put("line", broken.problem().line())
                        .put("message", broken.problem().reason())
                        .put("objectsKept", broken.keeps());
            case FileNotice.Mended mended -> line.put("event", "mended");
            case FileNotice.Skipped skipped ->
                line.put("event", "skipped")
                        .put("line", skipped.line())
                        .put("object", skipped.object().toString())
                        .put("message", skipped.reason());
            case FileNotice.Duplicate duplicate ->
                line.put("event", "duplicate")
                        .put("line", duplicate.line())
                        .put("object", duplicate.object().toString())
                        .put("inForce", duplicate.inForce() + ":" + duplicate.inForceLine());
        }
        return line;
    }

    private static ObjectNode tunnel(ObjectNode line, TunnelInfo tunnel) {
        return line.put("tunnel", tunnel.id())
                .put("client", tunnel.client().peer().getAddress().getHostAddress())
                .put(
                        "endpoint",
                        tunnel.endpoint().address() + ":" + tunnel.endpoint().port())
                .put("host", tunnel.client().host())
                .put("path", tunnel.client().path())
                .put("route", tunnel.route().id())
                .put("subprotocol", tunnel.subprotocol())
                .put("handshakeMillis", tunnel.handshake().toMillis());
    }

    private static void closed(ObjectNode line, TunnelEnd end) {
        line.put("initiator", end.initiator().label())
                .put("reason", end.reason().label())
                .put("closeCode", end.closeCode())
                .put("millis", end.duration().toMillis())
                .put("bytesFromClient", end.bytesFromClient())
                .put("bytesFromBackend", end.bytesFromBackend());
    }
}

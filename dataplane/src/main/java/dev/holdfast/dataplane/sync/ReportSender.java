package dev.holdfast.dataplane.sync;

import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.wire.WireCodec;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Posts reports, one at a time; at most the newest waits. One that is lost is not repeated: the answer to the next
 * keep-alive says the same.
 */
final class ReportSender {
    private static final Logger LOG = LoggerFactory.getLogger(ReportSender.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final HttpClient http;
    private final URI target;
    private @Nullable ApplyReport waiting;
    private boolean busy;
    private int lastStatus = 204;

    ReportSender(HttpClient http, URI target) {
        this.http = http;
        this.target = target;
    }

    synchronized void send(ApplyReport report) {
        if (busy) {
            waiting = report;
            return;
        }
        busy = true;
        HttpRequest request = HttpRequest.newBuilder(target)
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(WireCodec.encode(report)))
                .build();
        http.sendAsync(request, BodyHandlers.discarding()).whenComplete(this::done);
    }

    private synchronized void done(@Nullable HttpResponse<?> response, @Nullable Throwable failure) {
        if (response == null) {
            LOG.debug("report lost because=\"{}\"", String.valueOf(failure));
        } else if (response.statusCode() != lastStatus) {
            // An operator of another release may not understand a report: it is told once, not with every keep-alive.
            lastStatus = response.statusCode();
            if (lastStatus != 204) {
                LOG.warn("report not taken operator={} status={}", target, lastStatus);
            }
        }
        busy = false;
        ApplyReport next = waiting;
        waiting = null;
        if (next != null) {
            send(next);
        }
    }
}

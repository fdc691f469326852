package dev.holdfast.dataplane.sync;

import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.wire.WireCodec;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Posts reports to one replica, one at a time; at most the newest waits. One that is lost is not repeated: the answer to
 * the next keep-alive says the same.
 */
final class ReportSender {
    /** Where the stream is that a report answers. */
    enum Place {
        HERE,
        ELSEWHERE,
        ENDED
    }

    private static final Logger LOG = LoggerFactory.getLogger(ReportSender.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final OperatorHttp http;
    private final URI target;
    private @Nullable Waiting waiting;
    private boolean busy;
    private int lastStatus = 204;

    private record Waiting(ApplyReport report, Place place) {}

    ReportSender(OperatorHttp http, URI replica) {
        this.http = http;
        this.target = replica.resolve("/v1/reports");
    }

    synchronized void send(ApplyReport report, Place place) {
        if (busy) {
            waiting = new Waiting(report, place);
            return;
        }
        busy = true;
        post(report, place).whenComplete(this::done);
    }

    /** Sends at once, whatever is on its way, and completes when it is answered or lost. */
    CompletableFuture<HttpResponse<Void>> post(ApplyReport report, Place place) {
        try {
            HttpRequest.Builder request = http.request(target)
                    .timeout(TIMEOUT)
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofByteArray(WireCodec.encode(report)));
            if (place != Place.HERE) {
                request.header("Holdfast-Stream", place.name().toLowerCase(Locale.ROOT));
            }
            return http.client().sendAsync(request.build(), BodyHandlers.discarding());
        } catch (IOException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private synchronized void done(@Nullable HttpResponse<?> response, @Nullable Throwable failure) {
        if (response == null) {
            LOG.debug("report lost operator={} because=\"{}\"", target, String.valueOf(failure));
        } else if (response.statusCode() != lastStatus) {
            // An operator of another release may not understand a report: it is told once, not with every keep-alive.
            lastStatus = response.statusCode();
            if (lastStatus != 204) {
                LOG.warn("report not taken operator={} status={}", target, lastStatus);
            }
        }
        busy = false;
        Waiting next = waiting;
        waiting = null;
        if (next != null) {
            send(next.report, next.place);
        }
    }
}

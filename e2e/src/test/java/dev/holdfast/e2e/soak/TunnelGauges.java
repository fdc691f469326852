package dev.holdfast.e2e.soak;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a data plane says about its tunnels, summed over its routes.
 *
 * @param opened tunnels that opened since its start
 * @param closed tunnels that closed
 * @param closedByOthers those of them that were not ended by the client
 * @param active tunnels that are open
 */
record TunnelGauges(long opened, long closed, long closedByOthers, long active) {
    private static final Pattern SERIES =
            Pattern.compile("(?m)^holdfast_tunnels_(opened_total|closed_total|active)\\{([^}]*)} ([0-9.E+]+)$");

    static final TunnelGauges NONE = new TunnelGauges(0, 0, 0, 0);

    /** Asks the admin port. */
    static TunnelGauges scrape(HttpClient client, int adminPort) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + adminPort + "/metrics"))
                .timeout(Duration.ofSeconds(30))
                .build();
        return parse(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }

    /** Reads the text that Prometheus reads. */
    static TunnelGauges parse(String metrics) {
        TunnelGauges sum = NONE;
        Matcher series = SERIES.matcher(metrics);
        while (series.find()) {
            long value = Math.round(Double.parseDouble(series.group(3)));
            boolean byClient = series.group(2).contains("initiator=\"client\"");
            sum = switch (series.group(1)) {
                case "opened_total" -> sum.plus(new TunnelGauges(value, 0, 0, 0));
                case "active" -> sum.plus(new TunnelGauges(0, 0, 0, value));
                default -> sum.plus(new TunnelGauges(0, value, byClient ? 0 : value, 0));
            };
        }
        return sum;
    }

    TunnelGauges plus(TunnelGauges other) {
        return new TunnelGauges(
                opened + other.opened,
                closed + other.closed,
                closedByOthers + other.closedByOthers,
                active + other.active);
    }

    /** How far the gauge is from opened less closed; tunnels that open or close during a scrape count here too. */
    long gap() {
        return Math.abs(opened - closed - active);
    }
}

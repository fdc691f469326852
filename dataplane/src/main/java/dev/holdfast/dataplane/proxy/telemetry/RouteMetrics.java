package dev.holdfast.dataplane.proxy.telemetry;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * The meters of one route. Thread-safe; what happens per message is one add to a striped counter. Hold on to it for the
 * length of an exchange instead of asking for it again.
 */
public final class RouteMetrics {
    private static final Duration[] HANDSHAKE_BUCKETS = {
        Duration.ofMillis(5), Duration.ofMillis(10), Duration.ofMillis(25), Duration.ofMillis(50),
        Duration.ofMillis(75), Duration.ofMillis(100), Duration.ofMillis(250), Duration.ofMillis(500),
        Duration.ofMillis(750), Duration.ofSeconds(1), Duration.ofMillis(2_500), Duration.ofSeconds(5),
        Duration.ofMillis(7_500), Duration.ofSeconds(10)
    };
    private static final Duration[] TUNNEL_BUCKETS = {
        Duration.ofSeconds(1), Duration.ofSeconds(10), Duration.ofMinutes(1), Duration.ofMinutes(5),
        Duration.ofMinutes(15), Duration.ofHours(1), Duration.ofHours(4), Duration.ofHours(12),
        Duration.ofDays(1), Duration.ofDays(3)
    };

    private record Answer(String method, int hundreds) {}

    private final MeterRegistry registry;
    private final Tags tags;
    private final Map<Meter.Id, Meter> meters = new ConcurrentHashMap<>();
    private final Map<String, Counter> counters = new ConcurrentHashMap<>();
    private final Map<Answer, Counter> answers = new ConcurrentHashMap<>();
    private final LongAdder opened = new LongAdder();
    private final LongAdder closed = new LongAdder();
    private final LongAdder bytesFromClient = new LongAdder();
    private final LongAdder bytesFromBackend = new LongAdder();
    private final Timer handshakeDuration;
    private final Timer tunnelDuration;
    private final Timer connectDuration;
    private final Timer httpDuration;

    /** Registers the meters. */
    RouteMetrics(MeterRegistry registry, String namespace, String route) {
        this.registry = registry;
        this.tags = Tags.of("namespace", namespace, "route", route);
        handshakeDuration = timer("holdfast.handshake.duration", HANDSHAKE_BUCKETS);
        connectDuration = timer("holdfast.backend.connect.duration", HANDSHAKE_BUCKETS);
        httpDuration = timer("holdfast.http.requests.duration", HANDSHAKE_BUCKETS);
        tunnelDuration = timer("holdfast.tunnel.duration", TUNNEL_BUCKETS);
        keep(FunctionCounter.builder("holdfast.tunnels.opened", opened, LongAdder::sum)
                .tags(tags)
                .register(registry));
        keep(Gauge.builder("holdfast.tunnels.active", this, RouteMetrics::active)
                .tags(tags)
                .register(registry));
        keep(bytes("from_client", bytesFromClient));
        keep(bytes("from_backend", bytesFromBackend));
    }

    /**
     * Counts one handshake that ended.
     *
     * @param reason one of a small fixed set, for instance {@code ok}, {@code connect_refused}; never text of a peer
     * @param nanos from the complete request head to the answer
     */
    public void handshake(HandshakeResult result, String reason, long nanos) {
        counter("holdfast.handshakes", "result", result.label(), "reason", reason)
                .increment();
        handshakeDuration.record(nanos, TimeUnit.NANOSECONDS);
    }

    /** Counts a tunnel that opened. */
    public void tunnelOpened() {
        opened.increment();
    }

    /** Counts a tunnel that closed; the labels come from small fixed sets. */
    public void tunnelClosed(String initiator, String reason, String codeClass, Duration duration) {
        counter("holdfast.tunnels.closed", "initiator", initiator, "reason", reason, "code_class", codeClass)
                .increment();
        tunnelDuration.record(duration);
        closed.increment();
    }

    /** Adds bytes that a tunnel relayed from the client to the backend. */
    public void bytesFromClient(long bytes) {
        bytesFromClient.add(bytes);
    }

    /** Adds bytes that a tunnel relayed from the backend to the client. */
    public void bytesFromBackend(long bytes) {
        bytesFromBackend.add(bytes);
    }

    /** Records how long a connection to an endpoint took, TLS included. */
    public void backendConnected(long nanos) {
        connectDuration.record(nanos, TimeUnit.NANOSECONDS);
    }

    /** Counts a connection to an endpoint that failed; {@code reason} from a small fixed set. */
    public void backendConnectFailed(String reason) {
        counter("holdfast.backend.connect.failures", "reason", reason).increment();
    }

    /**
     * Counts a plain exchange.
     *
     * @param method as sent; anything but a registered common method counts as {@code other}
     * @param status of the answer; counted by class
     * @param nanos from the first octet of the request to the end of the answer; tunnels are counted apart
     */
    public void httpRequest(String method, int status, long nanos) {
        httpDuration.record(nanos, TimeUnit.NANOSECONDS);
        String known = switch (method) {
            case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" -> method;
            default -> "other";
        };
        answers.computeIfAbsent(
                        new Answer(known, status / 100),
                        answer -> counter(
                                "holdfast.http.requests",
                                "method",
                                answer.method(),
                                "status",
                                answer.hundreds() + "xx"))
                .increment();
    }

    /** Tunnels that are open: opened less closed. */
    public long active() {
        // Closed first: a tunnel that opens and closes between both reads must not make the count negative.
        long ended = closed.sum();
        return opened.sum() - ended;
    }

    /** Takes every series of this route out of the registry. */
    void remove() {
        meters.keySet().forEach(registry::remove);
        meters.clear();
        counters.clear();
        answers.clear();
    }

    private FunctionCounter bytes(String direction, LongAdder adder) {
        return FunctionCounter.builder("holdfast.tunnel.bytes", adder, LongAdder::sum)
                .tags(tags)
                .tag("direction", direction)
                .register(registry);
    }

    private Timer timer(String name, Duration[] buckets) {
        Timer timer =
                Timer.builder(name).tags(tags).serviceLevelObjectives(buckets).register(registry);
        keep(timer);
        return timer;
    }

    private Counter counter(String name, String... labels) {
        return counters.computeIfAbsent(name + String.join("\n", labels), key -> {
            Counter counter = Counter.builder(name).tags(tags).tags(labels).register(registry);
            keep(counter);
            return counter;
        });
    }

    private void keep(Meter meter) {
        meters.put(meter.getId(), meter);
    }
}

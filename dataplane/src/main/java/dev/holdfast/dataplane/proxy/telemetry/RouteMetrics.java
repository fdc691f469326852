package dev.holdfast.dataplane.proxy.telemetry;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.cumulative.CumulativeCounter;
import io.micrometer.core.instrument.noop.NoopTimer;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * The meters of one route. Thread-safe; what happens per message is counted by each event loop for itself ({@link
 * RelayCounters}). Hold on to it for the length of an exchange instead of asking for it again.
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

    private record Answer(String method, int hundreds) implements Comparable<Answer> {
        private static final Comparator<Answer> ORDER =
                Comparator.comparing(Answer::method).thenComparingInt(Answer::hundreds);

        @Override
        public int compareTo(Answer other) {
            return ORDER.compare(this, other);
        }
    }

    private final MeterRegistry registry;
    private final Tags tags;
    private final boolean matched;
    private final Map<Meter.Id, Meter> meters = new ConcurrentHashMap<>();
    private final Map<String, Counter> counters = new ConcurrentHashMap<>();
    private final Map<Answer, Counter> answers = new ConcurrentHashMap<>();
    private final LongAdder opened = new LongAdder();
    private final LongAdder closed = new LongAdder();
    private final Map<Thread, RelayCounters> loops = new ConcurrentHashMap<>();
    private final Timer handshakeDuration;
    private final Timer tunnelDuration;
    private final Timer connectDuration;
    private final Timer httpDuration;
    private boolean removed;

    /** Registers the meters; those of tunnels only for a route, since nothing else can have any. */
    RouteMetrics(MeterRegistry registry, RouteKey key) {
        this.registry = registry;
        this.tags = Tags.of("namespace", key.namespace(), "route", key.route());
        this.matched = !key.equals(RouteKey.UNMATCHED);
        handshakeDuration = tunnelTimer(
                "holdfast.handshake.duration",
                "From a complete request head to the answer of an upgrade; the life of tunnels is counted apart",
                HANDSHAKE_BUCKETS);
        connectDuration = tunnelTimer(
                "holdfast.backend.connect.duration",
                "From the choice of an endpoint to a connection that can be used, TLS included",
                HANDSHAKE_BUCKETS);
        httpDuration = timer(
                "holdfast.http.requests.duration",
                "From the first octet of a plain request to the end of its answer",
                HANDSHAKE_BUCKETS);
        tunnelDuration =
                tunnelTimer("holdfast.tunnel.duration", "How long tunnels that have closed were open", TUNNEL_BUCKETS);
        if (matched) {
            keep(FunctionCounter.builder("holdfast.tunnels.opened", opened, LongAdder::sum)
                    .description("Tunnels that opened")
                    .tags(tags)
                    .register(registry));
            keep(Gauge.builder("holdfast.tunnels.active", this, RouteMetrics::active)
                    .description("Tunnels that are open: opened less closed")
                    .tags(tags)
                    .register(registry));
            direction("from_client", RelayCounters::fromClient);
            direction("from_backend", RelayCounters::fromBackend);
        }
    }

    private void direction(String label, Function<RelayCounters, DirectionCounters> of) {
        Tags own = tags.and("direction", label);
        keep(FunctionCounter.builder("holdfast.tunnel.bytes", this, m -> m.sum(of, DirectionCounters::bytes))
                .description("Bytes that tunnels relayed, frame headers included")
                .tags(own)
                .register(registry));
        messages("text", own, of, DirectionCounters::textMessages);
        messages("binary", own, of, DirectionCounters::binaryMessages);
        keep(FunctionCounter.builder(
                        "holdfast.backpressure.paused.seconds",
                        this,
                        m -> m.sum(of, c -> c.pauses().totalNanos(System.nanoTime())) / 1e9)
                .description("Time that tunnels did not read from this side because the other one took nothing,"
                        + " added up over all tunnels")
                .tags(own)
                .register(registry));
        keep(Gauge.builder(
                        "holdfast.backpressure.paused.tunnels",
                        this,
                        m -> m.sum(of, c -> c.pauses().now()))
                .description("Tunnels that do not read from this side now because the other one takes nothing")
                .tags(own)
                .register(registry));
        keep(Gauge.builder(
                        "holdfast.backpressure.buffered.bytes", this, m -> m.sum(of, DirectionCounters::bufferedBytes))
                .description("Bytes from this side that are held for the other one; over TLS as of the last pause")
                .tags(own)
                .register(registry));
    }

    private void messages(
            String type,
            Tags own,
            Function<RelayCounters, DirectionCounters> of,
            ToLongFunction<DirectionCounters> count) {
        keep(FunctionCounter.builder("holdfast.tunnel.messages", this, m -> m.sum(of, count))
                .description("WebSocket messages that tunnels relayed, counted at their first frame")
                .tags(own.and("type", type))
                .register(registry));
    }

    private long sum(Function<RelayCounters, DirectionCounters> of, ToLongFunction<DirectionCounters> count) {
        long sum = 0;
        for (RelayCounters loop : loops.values()) {
            sum += count.applyAsLong(of.apply(loop));
        }
        return sum;
    }

    /** What the calling event loop counts of tunnels on this route; keep it for the life of a tunnel. */
    public RelayCounters ofThisLoop() {
        return loops.computeIfAbsent(Thread.currentThread(), loop -> new RelayCounters());
    }

    /**
     * Counts one handshake that ended.
     *
     * @param reason one of a small fixed set, for instance {@code ok}, {@code connect_refused}; never text of a peer
     * @param nanos from the complete request head to the answer
     */
    public void handshake(HandshakeResult result, String reason, long nanos) {
        counter(
                        "holdfast.handshakes",
                        "Upgrades by how they ended, but for those answered before a backend was looked for",
                        "result",
                        result.label(),
                        "reason",
                        reason)
                .increment();
        handshakeDuration.record(nanos, TimeUnit.NANOSECONDS);
    }

    /** Counts a tunnel that opened. */
    public void tunnelOpened() {
        opened.increment();
    }

    /** Counts a tunnel that closed; the labels come from small fixed sets. */
    public void tunnelClosed(String initiator, String reason, String codeClass, Duration duration) {
        try {
            counter(
                            "holdfast.tunnels.closed",
                            "Tunnels that closed, by who began it and how",
                            "initiator",
                            initiator,
                            "reason",
                            reason,
                            "code_class",
                            codeClass)
                    .increment();
            tunnelDuration.record(duration);
        } finally {
            // Without memory for a new series: it is not open all the same.
            closed.increment();
        }
    }

    /** Counts a peer that a tunnel was given up for because it was silent on the network; {@code side} is a label. */
    public void keepAliveTimeout(String side) {
        counter(
                        "holdfast.keepalive.timeouts",
                        "Tunnels that ended because a peer acknowledged nothing for the silent-peer timeout",
                        "side",
                        side)
                .increment();
    }

    /** Records how long a connection to an endpoint took, TLS included. */
    public void backendConnected(long nanos) {
        connectDuration.record(nanos, TimeUnit.NANOSECONDS);
    }

    /** Counts a connection to an endpoint that failed; {@code reason} from a small fixed set. */
    public void backendConnectFailed(String reason) {
        counter(
                        "holdfast.backend.connect.failures",
                        "Connections to endpoints that failed; another endpoint may have served the request",
                        "reason",
                        reason)
                .increment();
    }

    /**
     * Counts a plain exchange, or an upgrade that was answered before a backend was looked for.
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
                                "Answers to plain requests, and to upgrades for which no backend was looked for",
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

    /** Publishes how many endpoints the route has, by state. */
    void endpoints(ToLongFunction<String> ofState) {
        for (String state : TableCensus.ENDPOINT_STATES) {
            keep(Gauge.builder("holdfast.backend.endpoints", this, m -> ofState.applyAsLong(state))
                    .description("Endpoints behind the route in the active table")
                    .tags(tags)
                    .tag("state", state)
                    .register(registry));
        }
    }

    /** Takes every series of this route out of the registry; what is counted after that is not published. */
    synchronized void remove() {
        removed = true;
        meters.keySet().forEach(registry::remove);
        meters.clear();
    }

    private Timer tunnelTimer(String name, String description, Duration[] buckets) {
        return matched
                ? timer(name, description, buckets)
                : new NoopTimer(new Meter.Id(name, tags, null, description, Meter.Type.TIMER));
    }

    private Timer timer(String name, String description, Duration[] buckets) {
        Timer timer = Timer.builder(name)
                .description(description)
                .tags(tags)
                .serviceLevelObjectives(buckets)
                .register(registry);
        keep(timer);
        return timer;
    }

    private Counter counter(String name, String description, String... labels) {
        return counters.computeIfAbsent(name + String.join("\n", labels), key -> newCounter(name, description, labels));
    }

    private synchronized Counter newCounter(String name, String description, String... labels) {
        Meter.Id id = new Meter.Id(name, tags.and(labels), null, description, Meter.Type.COUNTER);
        if (removed) {
            // An exchange that outlived its route must not leave a series behind.
            return new CumulativeCounter(id);
        }
        Counter counter = Counter.builder(name)
                .description(description)
                .tags(id.getTagsAsIterable())
                .register(registry);
        keep(counter);
        return counter;
    }

    private void keep(Meter meter) {
        meters.put(meter.getId(), meter);
    }
}

package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.telemetry.RelayCounters;
import dev.holdfast.dataplane.proxy.telemetry.RouteMetrics;
import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Initiator;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Reason;
import dev.holdfast.dataplane.proxy.upstream.EndpointLease;
import io.netty.channel.Channel;
import java.io.IOException;
import java.nio.channels.NotYetConnectedException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A tunnel over two connections of one event loop, to which it is confined. It keeps the route it was opened with: no
 * swap touches it. It ends once: when both streams have ended, when a connection fails, or when it is cut.
 *
 * <p>It begins on two Netty channels; if both are plain epoll sockets it soon leaves them for {@link DirectRelay}s. What it does and tells is the same on both.
 */
final class RelayedTunnel extends TimerWheel.Timer implements Tunnel {
    /** What a tunnel begins with. */
    record Parts(
            TunnelInfo info,
            Channel client,
            Channel backend,
            EndpointLease lease,
            Duration idle,
            KeepAlive keepAlive,
            RouteMetrics metrics,
            TunnelSettings settings,
            LoopTunnels home) {}

    private static final CloseFrame IDLE = new CloseFrame(1001, "idle timeout");

    /** How far an end of our own has come. */
    private enum Phase {
        /** No end of our own. */
        OPEN,
        /** The client shall hear a Close; a frame is still under way. */
        WAITS_FOR_BOUNDARY,
        /** Close was said; the client's answer is awaited. */
        WAITS_FOR_ANSWER,
        /** Both streams were ended by us; the peers' ends are awaited. */
        WAITS_FOR_FIN,
        /** Over. */
        GONE
    }

    /** When a tunnel is worth probing its backend, and how soon one that could not leave its channels tries again. */
    private static final long SETTLED_TICKS = TimerWheel.ticks(Duration.ofSeconds(1));

    private final TunnelInfo info;
    private final EndpointLease lease;
    private final Duration idle;
    private final RouteMetrics metrics;
    private final RelayCounters counters;
    private final TunnelSettings settings;
    private final LoopTunnels home;
    private final TimerWheel wheel;
    /** Until the backend is probed. */
    private @Nullable KeepAlive keepAlive;

    private final long openedNanos = System.nanoTime();
    private Relay fromClient;
    private Relay fromBackend;
    /** Whether it may still leave its channels. */
    private boolean onChannels;

    private long activeTick;
    private Phase phase = Phase.OPEN;
    private @Nullable CloseFrame word;
    private @Nullable Initiator initiator;
    private @Nullable Reason reason;
    private int closeCode;
    private boolean spoken;
    private boolean wasCut;

    RelayedTunnel(Parts parts) {
        this.info = parts.info();
        this.lease = parts.lease();
        this.idle = parts.idle();
        this.keepAlive = parts.keepAlive();
        this.metrics = parts.metrics();
        this.counters = parts.metrics().ofThisLoop();
        this.settings = parts.settings();
        this.home = parts.home();
        this.wheel = TimerWheel.of(parts.client().eventLoop());
        this.fromClient = new RelayHandler(
                this,
                parts.client(),
                parts.backend(),
                new FrameTracker(FrameTracker.Sender.CLIENT, counters.fromClient()));
        this.fromBackend = new RelayHandler(
                this,
                parts.backend(),
                parts.client(),
                new FrameTracker(FrameTracker.Sender.BACKEND, counters.fromBackend()));
    }

    /** Counts as open from here on; the relays must be in their pipelines when bytes flow. */
    void open() {
        Duration directAfter = settings.directAfter();
        onChannels = directAfter != null;
        long first = SETTLED_TICKS;
        if (directAfter != null && directAfter.isZero()) {
            home.execute(this::leaveChannels);
        } else if (directAfter != null) {
            first = TimerWheel.ticks(directAfter);
        }
        wheel.schedule(this, Math.min(first, idleTicks()));
        activeTick = wheel.now();
        metrics.tunnelOpened();
        home.opened(this);
    }

    /** Leaves the channels if nothing is under way in them; else the timer tries again. */
    private void leaveChannels() {
        if (onChannels
                && phase == Phase.OPEN
                && fromClient().isQuiet()
                && fromBackend().isQuiet()) {
            onChannels = false;
            DirectRelay[] direct = DirectRelay.takeOver(this, fromClient(), fromBackend());
            if (direct != null) {
                fromClient = direct[0];
                fromBackend = direct[1];
            }
        }
    }

    /** Whether it has left its channels. */
    boolean isDirect() {
        return fromClient instanceof DirectRelay;
    }

    /** What handles the client's channel as long as the tunnel has not left it. */
    RelayHandler fromClient() {
        return handler(fromClient);
    }

    /** What handles the backend's channel as long as the tunnel has not left it. */
    RelayHandler fromBackend() {
        return handler(fromBackend);
    }

    private static RelayHandler handler(Relay relay) {
        return switch (relay) {
            case RelayHandler handler -> handler;
            case DirectRelay ignored ->
                throw new IllegalStateException("tunnel: left its channels (expected: on them)");
        };
    }

    Relay other(Relay relay) {
        return relay == fromClient ? fromBackend : fromClient;
    }

    boolean isFromClient(Relay relay) {
        return relay == fromClient;
    }

    @Override
    public TunnelInfo info() {
        return info;
    }

    @Override
    public long bytesFromClient() {
        return fromClient.bytes();
    }

    @Override
    public long bytesFromBackend() {
        return fromBackend.bytes();
    }

    /** A byte arrived, or a peer took some that were held for it: both directions are alive. */
    void touch() {
        activeTick = wheel.now();
    }

    /** A Close frame of a peer has passed, or was read after our own. */
    void closeSeen(Relay relay, int code) {
        begin(side(relay), Reason.CLOSE_FRAME);
        if (closeCode == 0) {
            closeCode = code;
        }
        spoken = true;
        if (phase == Phase.WAITS_FOR_ANSWER && relay == fromClient) {
            // The closing handshake is complete: the server ends the stream first (RFC 6455 §7.1.1).
            fromBackend.fin();
        } else if (phase == Phase.OPEN) {
            // The other side answers and the streams end, or this does not wait an hour for it.
            wheel.schedule(this, TimerWheel.ticks(settings.halfClosedTimeout()));
        }
    }

    /** A peer has ended its stream; all it sent is queued for the other side. */
    void ended(Relay relay) {
        begin(side(relay), Reason.FIN);
        relay.fin();
        if (phase == Phase.OPEN || phase == Phase.WAITS_FOR_BOUNDARY) {
            wheel.schedule(this, TimerWheel.ticks(settings.halfClosedTimeout()));
        } else if (phase == Phase.WAITS_FOR_ANSWER && relay == fromClient) {
            fromBackend.fin();
        }
        finDone();
    }

    /** A stream was ended towards a peer. */
    void finDone() {
        if (phase == Phase.GONE) {
            return;
        }
        // A connection that has ended both ways is closed at once: left open it would wake its loop for ever.
        if (isDone(fromClient)) {
            fromClient.close();
        }
        if (isDone(fromBackend)) {
            fromBackend.close();
        }
        if (isDone(fromClient) && isDone(fromBackend)) {
            gone();
        }
    }

    /** Whether a side has ended its stream and was told the end of the other, or need not be told. */
    boolean isDone(Relay side) {
        return side.hasEnded() && (other(side).isFinDone() || side.isFarewellDone());
    }

    /** Something of ours went wrong with it. */
    void abort(Throwable cause) {
        broke(fromBackend, cause);
    }

    /** A connection broke: the other side must not take it for an orderly end, unless a Close was the last word. */
    void failed(Relay relay, @Nullable Throwable cause) {
        boolean ofConnection =
                cause == null || cause instanceof IOException || cause instanceof NotYetConnectedException;
        boolean open = phase != Phase.WAITS_FOR_FIN && phase != Phase.GONE;
        if (open && ofConnection && (relay.hasSaidAll() || isWordGiven(relay))) {
            // A reset would take back the Close that the other side has not read yet.
            countIfSilent(relay, cause);
            relay.breakOff();
            ended(relay);
        } else {
            broke(relay, cause);
        }
    }

    /** Whether our Close is the last that the client gets of what this relays. */
    private boolean isWordGiven(Relay relay) {
        return relay == fromBackend && phase == Phase.WAITS_FOR_ANSWER;
    }

    private void broke(Relay relay, @Nullable Throwable cause) {
        if (phase == Phase.GONE) {
            return;
        }
        boolean silent = countIfSilent(relay, cause);
        begin(side(relay), silent ? Reason.SILENT : Reason.RESET);
        Phase before = phase;
        try {
            gone();
        } finally {
            if (before == Phase.WAITS_FOR_FIN) {
                // Both peers were told already; one that breaks instead of ending changes nothing for the other.
                closeBoth();
            } else {
                resetBoth();
            }
        }
    }

    private void closeBoth() {
        try {
            fromClient.close();
        } finally {
            fromBackend.close();
        }
    }

    private void resetBoth() {
        try {
            fromClient.reset();
        } finally {
            fromBackend.reset();
        }
    }

    private boolean countIfSilent(Relay relay, @Nullable Throwable cause) {
        boolean silent = KeepAlive.isTimeout(cause);
        if (silent) {
            metrics.keepAliveTimeout(side(relay).label());
        }
        return silent;
    }

    private Initiator side(Relay relay) {
        return relay == fromClient ? Initiator.CLIENT : Initiator.BACKEND;
    }

    /** Our Close is queued towards a peer. */
    void saying(Relay relay) {
        if (relay == fromBackend && phase == Phase.WAITS_FOR_BOUNDARY) {
            phase = Phase.WAITS_FOR_ANSWER;
            wheel.schedule(this, TimerWheel.ticks(settings.finTimeout()));
        }
    }

    /** Our Close has been handed to the kernel. */
    void said(Relay relay, CloseFrame frame) {
        if (relay == fromBackend) {
            spoken = true;
            if (closeCode == 0) {
                closeCode = frame.code();
            }
            if (phase == Phase.WAITS_FOR_ANSWER && reason == Reason.DRAIN) {
                // It waited behind bytes that the client did not take: the time to answer begins now.
                wheel.schedule(this, TimerWheel.ticks(settings.finTimeout()));
            }
        }
    }

    @Override
    public void drain(CloseFrame frame) {
        // A tunnel whose peers are saying goodbye already is not interrupted.
        if (phase == Phase.OPEN && !fromClient.hasSeenClose() && !fromBackend.hasSeenClose()) {
            end(Reason.DRAIN, frame);
        }
    }

    private void end(Reason why, CloseFrame frame) {
        begin(Initiator.PROXY, why);
        phase = Phase.WAITS_FOR_BOUNDARY;
        word = frame;
        // The client alone is told first: its own Close goes on to the backend, behind everything it sent before.
        fromBackend.say(frame);
    }

    @Override
    protected void expired() {
        KeepAlive due = keepAlive;
        if (due != null && phase != Phase.GONE) {
            keepAlive = null;
            fromBackend.probe(due);
        }
        switch (phase) {
            case OPEN -> {
                leaveChannels();
                idleOver();
            }
            case WAITS_FOR_BOUNDARY -> {
                // A frame that is under way may take its time as long as it moves; a drain cuts at its deadline.
                long patience = reason == Reason.DRAIN ? idleTicks() : TimerWheel.ticks(settings.finTimeout());
                long left = activeTick + patience - wheel.now();
                if (left > 0) {
                    wheel.schedule(this, left);
                } else {
                    endStreams();
                }
            }
            case WAITS_FOR_ANSWER -> {
                if (reason == Reason.DRAIN && !spoken) {
                    // A client that does not take what is before the Close may still do so; a drain cuts at its
                    // deadline.
                    wheel.schedule(this, TimerWheel.ticks(settings.finTimeout()));
                } else {
                    endStreams();
                }
            }
            case WAITS_FOR_FIN -> cut();
            case GONE -> {}
        }
    }

    private void idleOver() {
        long left = activeTick + idleTicks() - wheel.now();
        if (left > 0) {
            wheel.schedule(this, onChannels ? Math.min(left, SETTLED_TICKS) : left);
        } else {
            end(Reason.IDLE, IDLE);
            fromClient.say(IDLE);
            if (phase == Phase.WAITS_FOR_BOUNDARY) {
                wheel.schedule(this, TimerWheel.ticks(settings.finTimeout()));
            }
        }
    }

    private long idleTicks() {
        boolean ending = fromClient.hasEnded()
                || fromBackend.hasEnded()
                || fromClient.hasSeenClose()
                || fromBackend.hasSeenClose();
        Duration ends = settings.halfClosedTimeout();
        return TimerWheel.ticks(ending && ends.compareTo(idle) < 0 ? ends : idle);
    }

    private void endStreams() {
        phase = Phase.WAITS_FOR_FIN;
        CloseFrame frame = word;
        if (frame != null) {
            fromClient.say(frame);
        }
        fromClient.fin();
        fromBackend.fin();
        if (phase != Phase.GONE) {
            wheel.schedule(this, TimerWheel.ticks(settings.finTimeout()));
        }
    }

    @Override
    public void cut() {
        if (phase == Phase.GONE) {
            return;
        }
        begin(Initiator.PROXY, Reason.DRAIN);
        try {
            gone();
        } finally {
            closeBoth();
        }
    }

    /** Whether it was ended by us without a word to the client. */
    boolean wasCut() {
        return wasCut;
    }

    private void begin(Initiator who, Reason why) {
        if (initiator == null) {
            initiator = who;
            reason = why;
        }
    }

    /**
     * It comes here once: whatever fails on the way, for want of memory for instance, the rest is done, because nobody
     * does it later.
     */
    private void gone() {
        phase = Phase.GONE;
        wasCut = initiator == Initiator.PROXY && !spoken;
        wheel.cancel(this);
        try {
            fromClient.readComplete();
            fromBackend.readComplete();
        } finally {
            try {
                lease.release();
            } finally {
                closed();
            }
        }
    }

    private void closed() {
        try {
            TunnelEnd end = new TunnelEnd(
                    initiator == null ? Initiator.PROXY : initiator,
                    reason == null ? Reason.RESET : reason,
                    closeCode == 0 ? null : closeCode,
                    Duration.ofNanos(System.nanoTime() - openedNanos),
                    bytesFromClient(),
                    bytesFromBackend(),
                    fromClient.messages(),
                    fromBackend.messages());
            try {
                metrics.tunnelClosed(end.initiator().label(), end.reason().label(), end.codeClass(), end.duration());
            } finally {
                home.tell(this, end);
            }
        } finally {
            home.closed(this);
        }
    }
}

package dev.holdfast.dataplane.guard;

import io.netty.util.concurrent.FastThreadLocalThread;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.blockhound.BlockHound;
import reactor.blockhound.BlockingMethod;
import reactor.blockhound.integration.BlockHoundIntegration;

/**
 * Fails a test class when an event loop of ours slept, waited, looked a name up or touched a file in it. The call itself
 * goes on, so that a test shows what it would show without. Registered like {@link LeakExtension}.
 */
public final class BlockingExtension implements AfterAllCallback {
    private static final int FRAMES = 24;

    /** An event loop logs faults only, and a line of log is a write to standard output. */
    private static final String LOGGING = "org.apache.logging.log4j.";

    private static final Queue<String> CALLS = new ConcurrentLinkedQueue<>();
    private static final Set<String> KNOWN = ConcurrentHashMap.newKeySet();

    static {
        BlockHound.builder()
                .with(nettysOwn())
                // Where many threads ask for memory at once it takes a lock for the moment in which it adds a magazine.
                .allowBlockingCallsInside("io.netty.buffer.AdaptivePoolingAllocator", "allocate")
                .markAsBlocking(
                        "java.net.Inet4AddressImpl", "lookupAllHostAddr", "(Ljava/lang/String;)[Ljava/net/InetAddress;")
                .markAsBlocking(
                        "java.net.Inet6AddressImpl",
                        "lookupAllHostAddr",
                        "(Ljava/lang/String;I)[Ljava/net/InetAddress;")
                .markAsBlocking("sun.nio.fs.UnixNativeDispatcher", "open0", "(JII)I")
                .blockingMethodCallback(BlockingExtension::record)
                .install();
    }

    /** What Netty's own insides may do. BlockHound's other integrations would let everything be printed. */
    private static BlockHoundIntegration nettysOwn() {
        return ServiceLoader.load(BlockHoundIntegration.class).stream()
                .filter(provider -> provider.type().getName().startsWith("io.netty."))
                .findFirst()
                .orElseThrow()
                .get();
    }

    @Override
    public void afterAll(ExtensionContext context) {
        List<String> calls = take();
        if (!calls.isEmpty()) {
            throw new AssertionError("calls that block an event loop: " + String.join("\n\n", calls));
        }
    }

    /** The calls since the last time, each place once. */
    static List<String> take() {
        List<String> calls = new ArrayList<>();
        for (String call = CALLS.poll(); call != null; call = CALLS.poll()) {
            calls.add(call);
        }
        KNOWN.clear();
        return calls;
    }

    private static void record(BlockingMethod method) {
        Thread thread = Thread.currentThread();
        if (!(thread instanceof FastThreadLocalThread) || !isOurs(thread.getName())) {
            return;
        }
        StackTraceElement[] frames = new Throwable().getStackTrace();
        if (Stream.of(frames).anyMatch(frame -> frame.getClassName().startsWith(LOGGING))) {
            return;
        }
        String stack = Stream.of(frames)
                .filter(frame -> !frame.getClassName().startsWith("reactor.blockhound"))
                .skip(1)
                .limit(FRAMES)
                .map(StackTraceElement::toString)
                .collect(Collectors.joining("\n    "));
        if (KNOWN.add(stack)) {
            CALLS.add(method + " on " + thread.getName() + "\n    " + stack);
        }
    }

    /** The event loops of the proxy; those of test backends may do what they want. */
    private static boolean isOurs(String thread) {
        return thread.startsWith("proxy-") || thread.startsWith("accept-");
    }
}

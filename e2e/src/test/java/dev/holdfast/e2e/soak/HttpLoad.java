package dev.holdfast.e2e.soak;

import dev.holdfast.e2e.traffic.RawGet;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** Posts over connections that are kept for a while, each answer compared with what was sent. */
final class HttpLoad {
    private static final int WORKERS = 10;
    private static final int REQUESTS_PER_CONNECTION = 100;

    private final List<URI> targets;
    private final Tally tally;
    private final long paceNanos;
    private final SSLContext tls;
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean ending;

    /** Nothing happens before {@link #start}. */
    HttpLoad(List<URI> targets, int requestsPerSecond, Tally tally) {
        this.targets = targets;
        this.tally = tally;
        this.paceNanos = Duration.ofSeconds(WORKERS).toNanos() / Math.max(1, requestsPerSecond);
        try {
            tls = SSLContext.getInstance("TLS");
            tls.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    void start() {
        for (int worker = 0; worker < WORKERS; worker++) {
            int number = worker;
            threads.add(Thread.ofVirtual().name("http-" + number).start(() -> work(number)));
        }
    }

    private void work(int worker) {
        URI target = targets.get(worker % targets.size());
        long due = System.nanoTime() + paceNanos * worker / WORKERS;
        RawGet connection = null;
        try {
            for (long number = 0; !ending; number++) {
                due = pause(due);
                connection = ask(connection, target, worker, number);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            drop(connection);
        }
    }

    private long pause(long due) throws InterruptedException {
        long left = due - System.nanoTime();
        if (left > 0) {
            Thread.sleep(Duration.ofNanos(left));
            return due + paceNanos;
        }
        return System.nanoTime() + paceNanos; // Too late already: no burst to catch up.
    }

    /** Asks once and returns the connection for the next time, if it is good for one. */
    private @Nullable RawGet ask(@Nullable RawGet kept, URI target, int worker, long number) {
        String body = body(worker, number);
        tally.requests.increment();
        RawGet connection = kept;
        try {
            if (connection == null) {
                connection = new RawGet(connect(target), target.getHost(), "/post/" + worker + "/" + number);
            }
            RawGet.Answer answer = connection.post(body);
            if (answer.status() == 200 && answer.body().equals(body)) {
                if (number % REQUESTS_PER_CONNECTION != REQUESTS_PER_CONNECTION - 1) {
                    return connection;
                }
            } else {
                failed(target + ": " + answer.status() + " and " + answer.body().length() + " octets for "
                        + body.length() + (answer.status() == 200 ? ", other ones" : " " + answer.body()));
            }
        } catch (IOException | RuntimeException e) {
            failed(target + " " + number % REQUESTS_PER_CONNECTION + ". on its connection: " + e);
        }
        drop(connection);
        return null;
    }

    private Socket connect(URI target) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), target.getPort());
        socket.setSoTimeout(10_000);
        return target.getScheme().equals("https")
                ? tls.getSocketFactory().createSocket(socket, target.getHost(), target.getPort(), true)
                : socket;
    }

    /** Says whose it is, and is now and then larger than any buffer on the way. */
    private static String body(int worker, long number) {
        String line = "worker " + worker + " request " + number + "\n";
        return line.repeat(number % 20 == 19 ? 4_000 : 1 + (int) (number % 40));
    }

    private void failed(String what) {
        tally.requestsFailed.increment();
        tally.complain("HTTP " + what.lines().findFirst().orElse(""));
    }

    private void drop(@Nullable RawGet connection) {
        if (connection != null) {
            try {
                connection.close();
            } catch (IOException e) {
                tally.complain("HTTP cannot close: " + e);
            }
        }
    }

    /** Ends it; the requests under way are finished. */
    void stop() throws InterruptedException {
        ending = true;
        for (Thread thread : threads) {
            thread.join(Duration.ofSeconds(60));
        }
    }
}

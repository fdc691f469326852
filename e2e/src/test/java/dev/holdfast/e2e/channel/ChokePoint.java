package dev.holdfast.e2e.channel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Stands between a data plane and an operator and stops reading a table stream after so many bytes, so that the operator
 * hangs in the middle of a push for as long as a test likes. A data plane that connects while there is no operator waits.
 */
final class ChokePoint implements AutoCloseable {
    /** Small, so that most of a push stays in the operator. */
    private static final int WINDOW_BYTES = 8 << 10;

    private static final int WAIT_SECONDS = 60;

    /**
     * A table stream that ended.
     *
     * @param received bytes that the operator got rid of
     * @param forwarded bytes of them that the data plane was given
     */
    record Push(long received, long forwarded) {}

    /** Where to stop, and whether what was on its way meanwhile still arrives. */
    private record Choke(long afterBytes, boolean forwardsTheRest) {
        static final Choke NONE = new Choke(Long.MAX_VALUE, true);
    }

    private final ServerSocket listener;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final BlockingQueue<Long> choked = new LinkedBlockingQueue<>();
    private final BlockingQueue<Push> ended = new LinkedBlockingQueue<>();
    private final Object change = new Object();
    private int operatorPort;
    private Choke choke = Choke.NONE;
    private boolean closed;

    ChokePoint() {
        try {
            listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread.startVirtualThread(this::accept);
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + listener.getLocalPort());
    }

    /** The next stream is read to its end. */
    void open() {
        set(Choke.NONE);
    }

    /** The next stream stops after so many bytes. */
    void chokeAfter(long bytes, boolean forwardsTheRest) {
        set(new Choke(bytes, forwardsTheRest));
    }

    /** There is an operator on that port of loopback; 0 for none. */
    void operator(int port) {
        synchronized (change) {
            operatorPort = port;
            change.notifyAll();
        }
    }

    /** Waits until a stream stopped. */
    void awaitChoked() throws InterruptedException {
        if (choked.poll(WAIT_SECONDS, TimeUnit.SECONDS) == null) {
            throw new AssertionError("no stream came so far");
        }
    }

    /** Waits until a stream ended; a stopped one goes on to its end when the operator is dead. */
    Push awaitEnded() throws InterruptedException {
        Push push = ended.poll(WAIT_SECONDS, TimeUnit.SECONDS);
        if (push == null) {
            throw new AssertionError("no stream ended");
        }
        return push;
    }

    private void set(Choke next) {
        synchronized (change) {
            choke = next;
            change.notifyAll();
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listener.accept();
                sockets.add(client);
                Thread.startVirtualThread(() -> serve(client));
            }
        } catch (IOException e) {
            // The test is over.
        }
    }

    private void serve(Socket client) {
        try (client;
                Socket operator = new Socket()) {
            byte[] first = new byte[4 << 10];
            int length = client.getInputStream().read(first);
            if (length < 0) {
                return;
            }
            operator.setReceiveBufferSize(WINDOW_BYTES);
            sockets.add(operator);
            operator.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), awaitOperator()));
            operator.getOutputStream().write(first, 0, length);
            Thread.startVirtualThread(() -> pump(client, operator));
            boolean stream = new String(first, 0, length, StandardCharsets.US_ASCII).startsWith("GET /v1/tables ");
            if (stream) {
                relay(operator, client);
            } else {
                pump(operator, client);
            }
        } catch (IOException e) {
            // One of both is gone; the other is closed.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private int awaitOperator() throws InterruptedException, IOException {
        synchronized (change) {
            while (operatorPort == 0 && !closed) {
                change.wait();
            }
            if (closed) {
                throw new IOException("closed");
            }
            return operatorPort;
        }
    }

    /** From the operator to the data plane, with the choke that is set. */
    private void relay(Socket operator, Socket client) throws InterruptedException {
        Choke mine;
        int port;
        synchronized (change) {
            mine = choke;
            port = operatorPort;
        }
        long received = 0;
        long forwarded = 0;
        byte[] buffer = new byte[WINDOW_BYTES];
        try {
            InputStream in = operator.getInputStream();
            OutputStream out = client.getOutputStream();
            boolean open = true;
            while (open) {
                boolean before = received < mine.afterBytes;
                int most = before ? (int) Math.min(buffer.length, mine.afterBytes - received) : buffer.length;
                int length = in.read(buffer, 0, most);
                open = length >= 0;
                if (open) {
                    received += length;
                    if (before || mine.forwardsTheRest) {
                        out.write(buffer, 0, length);
                        forwarded += length;
                    }
                    if (received == mine.afterBytes) {
                        choked.add(received);
                        awaitOtherOperatorThan(port);
                    }
                }
            }
        } catch (IOException e) {
            // A reset of a killed operator; or the data plane gave up.
        }
        ended.add(new Push(received, forwarded));
    }

    private void awaitOtherOperatorThan(int port) throws InterruptedException {
        synchronized (change) {
            while (operatorPort == port && !closed) {
                change.wait();
            }
        }
    }

    private static void pump(Socket from, Socket to) {
        try (from;
                to) {
            from.getInputStream().transferTo(to.getOutputStream());
        } catch (IOException e) {
            // One of both is gone; the other is closed.
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (change) {
            closed = true;
            change.notifyAll();
        }
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}

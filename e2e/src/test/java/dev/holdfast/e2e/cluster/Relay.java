package dev.holdfast.e2e.cluster;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** Carries connections from loopback to an address that this machine reaches, since the clients here know loopback only. */
final class Relay {
    private static final int BACKLOG = 1_024;

    private Relay() {}

    /** Starts one for the rest of the process and returns its port. */
    @SuppressWarnings("AddressSelection") // an IP address of a node, never a name
    static int start(String address, int port) {
        try {
            ServerSocket listener = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
            Thread.ofVirtual().start(() -> accept(listener, address, port));
            return listener.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("AddressSelection")
    private static void accept(ServerSocket listener, String address, int port) {
        try (listener) {
            while (true) {
                Socket client = listener.accept();
                Thread.ofVirtual().start(() -> {
                    try {
                        Socket server = new Socket(address, port);
                        Thread.ofVirtual().start(() -> copy(server, client));
                        copy(client, server);
                    } catch (IOException e) {
                        close(client);
                    }
                });
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void copy(Socket from, Socket to) {
        try {
            from.getInputStream().transferTo(to.getOutputStream());
            to.shutdownOutput();
        } catch (IOException e) {
            close(from);
            close(to);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}

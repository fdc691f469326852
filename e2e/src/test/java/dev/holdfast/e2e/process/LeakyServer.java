package dev.holdfast.e2e.process;

import io.netty.buffer.ByteBufAllocator;
import java.net.InetAddress;
import java.net.ServerSocket;

/** Drops a buffer, and then takes one for every connection: the control of the search for leaks. */
final class LeakyServer {
    private LeakyServer() {}

    /** Says where it listens, and stays. */
    public static void main(String[] arguments) throws Exception {
        ByteBufAllocator.DEFAULT.buffer(16).writeLong(1);
        try (ServerSocket listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            System.out.println("leaky port=" + listener.getLocalPort());
            while (true) {
                try (var connection = listener.accept()) {
                    connection.getInputStream().read();
                    ByteBufAllocator.DEFAULT.buffer(16).release();
                    connection.shutdownOutput();
                    connection.getInputStream().readAllBytes();
                }
            }
        }
    }
}

package dev.holdfast.e2e.overload;

import dev.holdfast.e2e.overload.WireClient.Manner;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A process of clients that can be stopped or cut off as a whole: {@code port count path saying}. */
final class SilentPeers {
    private SilentPeers() {}

    /** Opens its tunnels, says so, and stays. */
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        int count = Integer.parseInt(arguments[1]);
        Manner manner = Manner.upgrade(arguments[2], arguments[3]);
        Manner wanted =
                arguments[4].isEmpty() ? manner : manner.saying(WireClient.message(1_000), Duration.ofMillis(50));
        WireClients clients = new WireClients();
        List<WireClient> open = new ArrayList<>(clients.open(count, port, "", () -> new WireClient(wanted)));
        WireClients.await(open, "upgraded", client -> client.status() == 101, Duration.ofSeconds(60));
        System.out.println("peers open=" + count);
        Thread.sleep(Duration.ofHours(1));
    }
}

import java.util.Arrays;
import java.util.List;

/** {@code Peer LIBRARY serve} and {@code Peer LIBRARY client|watch LABEL=URL...}; ../../README.md has the contract. */
public final class Peer {
    private Peer() {}

    /** Plays one role of one library. */
    public static void main(String[] arguments) throws Exception {
        List<String> targets = Arrays.asList(arguments).subList(2, arguments.length);
        boolean serve = arguments[1].equals("serve");
        switch (arguments[0]) {
            case "java-websocket" -> {
                if (serve) {
                    JavaWebSocketPeer.serve();
                } else {
                    new Checks("java-websocket", JavaWebSocketPeer::connect).run(arguments[1], targets);
                }
            }
            case "netty" -> {
                if (serve) {
                    NettyPeer.serve();
                } else {
                    new Checks("netty", NettyPeer::connect).run(arguments[1], targets);
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }
}

import io.netty.buffer.ByteBufAllocator;

/** An agent that takes a buffer in the process it is loaded into and never gives it back: the control of the leak detector. */
public final class Leak {
    private Leak() {}

    /** Called by the JVM before the main class. */
    public static void premain(String arguments) {
        ByteBufAllocator.DEFAULT.buffer(16).writeLong(1);
    }
}

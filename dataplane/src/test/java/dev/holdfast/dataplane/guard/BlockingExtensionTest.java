package dev.holdfast.dataplane.guard;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.FileInputStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The negative control: what blocks an event loop is caught. */
@Timeout(60)
class BlockingExtensionTest {
    private static MultiThreadIoEventLoopGroup loops;

    @BeforeAll
    static void start() {
        loops = new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("proxy"), NioIoHandler.newFactory());
    }

    @AfterAll
    static void stop() throws InterruptedException {
        loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).sync();
    }

    @Test
    void aSleepIsCaught() throws InterruptedException {
        assertThat(callsOf(() -> {
                    Thread.sleep(1);
                    return null;
                }))
                .anyMatch(call ->
                        call.contains("sleep") && call.contains("proxy-") && call.contains("BlockingExtensionTest"));
    }

    @Test
    void aWaitIsCaught() throws InterruptedException {
        assertThat(callsOf(() -> new CountDownLatch(1).await(300, TimeUnit.MILLISECONDS)))
                .anyMatch(call -> call.contains("park"));
    }

    @Test
    void aFileIsCaught(@TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "text");
        assertThat(callsOf(() -> {
                    try (FileInputStream in = new FileInputStream(file.toFile())) {
                        return in.read();
                    }
                }))
                .isNotEmpty();
        assertThat(callsOf(() -> Files.readString(file))).isNotEmpty();
    }

    @Test
    void aNameLookupIsCaught() throws InterruptedException {
        assertThat(callsOf(() -> InetAddress.getByName("localhost"))).isNotEmpty();
    }

    @Test
    void workThatDoesNotBlockIsNotCaught() throws InterruptedException {
        assertThat(callsOf(() -> InetAddress.getByName("127.0.0.1"))).isEmpty();
    }

    private static List<String> callsOf(Callable<?> work) throws InterruptedException {
        BlockingExtension.take();
        loops.submit(work).sync();
        return BlockingExtension.take();
    }
}

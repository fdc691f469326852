package dev.holdfast.e2e.soak;

import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.process.Ports;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What a soak soaks: a scripted API server, a real operator, real data planes, three backends. */
final class Rig implements AutoCloseable {
    private static final int HEAP_MIB = 192;
    private static final Duration READY = Duration.ofSeconds(90);

    private final MockCluster cluster = new MockCluster();
    private final List<EchoBackend> backends =
            List.of(new EchoBackend("first"), new EchoBackend("second"), new EchoBackend("third"));
    private final HttpClient admin = HttpClient.newHttpClient();
    private final List<SoakProcess> processes = new ArrayList<>();
    private final List<DataPlanePorts> ports = new ArrayList<>();
    private final EditLoad edits;
    private final Tally tally;

    private record DataPlanePorts(int http, int https, int admin) {}

    /** Starts everything and waits until every data plane serves. */
    Rig(Path work, int dataPlanes, Tally tally) throws Exception {
        this.tally = tally;
        edits = new EditLoad(cluster, backends, tally);
        try {
            int streamPort = Ports.free();
            startOperator(work, streamPort);
            for (int i = 0; i < dataPlanes; i++) {
                startDataPlane(work, streamPort, i);
            }
            for (DataPlanePorts each : ports) {
                awaitServing(each);
            }
            for (SoakProcess process : processes) {
                process.markIdle();
            }
        } catch (AssertionError | Exception e) {
            close();
            throw e;
        }
    }

    private void startOperator(Path work, int streamPort) throws IOException {
        List<String> arguments = cluster.operatorArguments(work, streamPort);
        processes.add(SoakProcess.start("operator", HEAP_MIB, arguments, tally));
    }

    private void startDataPlane(Path work, int streamPort, int number) {
        DataPlanePorts mine = new DataPlanePorts(Ports.free(), Ports.free(), Ports.free());
        ports.add(mine);
        List<String> arguments = List.of(
                "dataplane",
                "--name=data-plane-" + number,
                "--operator=http://127.0.0.1:" + streamPort,
                "--state-dir=" + work.resolve("state-" + number),
                "--http=127.0.0.1:" + mine.http,
                "--https=127.0.0.1:" + mine.https,
                "--admin=127.0.0.1:" + mine.admin,
                "--accept-grace=PT0S",
                "--drain-window=PT1S");
        processes.add(SoakProcess.start("data plane " + number, HEAP_MIB, arguments, tally));
    }

    private void awaitServing(DataPlanePorts each) throws InterruptedException {
        long deadline = System.nanoTime() + READY.toNanos();
        while (System.nanoTime() < deadline) {
            try (RawGet get = new RawGet(each.http, SoakObjects.BUSY_HOST, "/")) {
                if (get.get().status() == 200) {
                    return;
                }
            } catch (IOException e) {
                // Not listening yet.
            }
            Thread.sleep(100);
        }
        processes.forEach(process -> System.out.println(process.output()));
        throw new AssertionError("a data plane does not serve within " + READY);
    }

    EditLoad edits() {
        return edits;
    }

    MockCluster cluster() {
        return cluster;
    }

    /** The operator and the data planes. */
    List<SoakProcess> processes() {
        return processes;
    }

    /** The URLs of a host at every data plane, plain and secure. */
    List<URI> targets(String scheme, String host) {
        List<URI> targets = new ArrayList<>();
        for (DataPlanePorts each : ports) {
            targets.add(URI.create(scheme + "://" + host + ":" + each.http + "/"));
            targets.add(URI.create(scheme + "s://" + host + ":" + each.https + "/"));
        }
        return targets;
    }

    /** What the data planes say together. */
    TunnelGauges gauges() throws IOException, InterruptedException {
        TunnelGauges sum = TunnelGauges.NONE;
        for (DataPlanePorts each : ports) {
            sum = sum.plus(TunnelGauges.scrape(admin, each.admin));
        }
        return sum;
    }

    @Override
    public void close() {
        try {
            edits.stop();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        processes.forEach(SoakProcess::close);
        backends.forEach(EchoBackend::close);
        cluster.close();
        admin.close();
    }
}

package dev.holdfast.e2e.local;

import static dev.holdfast.e2e.local.ManifestDirectory.route;
import static dev.holdfast.e2e.local.ManifestDirectory.service;
import static dev.holdfast.e2e.local.ManifestDirectory.slice;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From the rename of a file to the first request that is served by it, with a thousand routes beside it. */
class EditLatencyTest {
    private static final int ROUTES = Integer.getInteger("latency.routes", 1_000);
    private static final int EDITS = Integer.getInteger("latency.edits", 200);
    private static final int WARM_UP = 40;
    private static final long LIMIT_MILLIS = 50;

    @Test
    void anEditIsServedSoonAndWhole(@TempDir Path root) throws Exception {
        // Given
        ManifestDirectory manifests = new ManifestDirectory(root);
        try (EchoBackend even = new EchoBackend("even");
                EchoBackend odd = new EchoBackend("odd")) {
            manifests.write("services.yaml", service("other") + slice("other", even.port()));
            for (int i = 0; i < ROUTES; i++) {
                manifests.write("route-" + i + ".yaml", route("r" + i, "h" + i + ".test", "/", "other", "", ""));
            }
            manifests.write("edited.yaml", version(0, even.port(), odd.port()));
            try (LocalMode local = LocalMode.serve(manifests.path());
                    RawGet probe = new RawGet(local.httpPort(), "edited.test", "/")) {
                long[] micros = new long[EDITS];
                List<RawGet.Answer> mixed = new ArrayList<>();

                // When
                for (int edit = 1; edit <= WARM_UP + EDITS; edit++) {
                    long renamed = manifests.write("edited.yaml", version(edit, even.port(), odd.port()));
                    RawGet.Answer answer = probe.get();
                    while (!answer.header("x-version").equals("" + edit)) {
                        if (!isWhole(answer)) {
                            mixed.add(answer);
                        }
                        assertThat(System.nanoTime() - renamed)
                                .as("edit %d is not served; last answer %s", edit, answer)
                                .isLessThan(10_000_000_000L);
                        answer = probe.get();
                    }
                    if (!isWhole(answer)) {
                        mixed.add(answer);
                    }
                    if (edit > WARM_UP) {
                        micros[edit - WARM_UP - 1] = (System.nanoTime() - renamed) / 1_000;
                    }
                }

                // Then
                Arrays.sort(micros);
                long p99 = micros[EDITS * 99 / 100 - 1];
                System.out.printf(
                        "edit to served: routes %d, edits %d, p50 %.1f ms, p99 %.1f ms, max %.1f ms (limit p99 %d ms), mixed answers %d%n",
                        ROUTES,
                        EDITS,
                        micros[EDITS / 2] / 1e3,
                        p99 / 1e3,
                        micros[EDITS - 1] / 1e3,
                        LIMIT_MILLIS,
                        mixed.size());
                assertThat(mixed).as("answers by a half-applied table").isEmpty();
                assertThat(p99 / 1_000).as("p99 in ms").isLessThanOrEqualTo(LIMIT_MILLIS);
            }
        }
    }

    /** The route's header and the Service's endpoint change in one edit: they live in two sections of the table. */
    private static String version(int number, int even, int odd) {
        String header =
                "filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-version, value: \""
                        + number + "\"}]}}]";
        return service("edited")
                + slice("edited", number % 2 == 0 ? even : odd)
                + route("edited", "edited.test", "/", "edited", "", header);
    }

    private static boolean isWhole(RawGet.Answer answer) {
        boolean isEven = Integer.parseInt(answer.header("x-version")) % 2 == 0;
        return answer.status() == 200 && answer.body().equals(isEven ? "even" : "odd");
    }
}

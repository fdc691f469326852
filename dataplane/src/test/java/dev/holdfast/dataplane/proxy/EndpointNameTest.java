package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Endpoints that are names, of Services of type ExternalName. */
class EndpointNameTest {
    @Test
    void aNameIsLookedUpWhenAConnectionIsMade() throws IOException {
        // Given
        try (RawBackend backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
                Rig rig = Rig.start()) {
            serve(rig, "localhost", backend.port());
            try (RawClient client = rig.client()) {
                // When
                String answer =
                        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();

                // Then
                assertThat(answer).startsWith("HTTP/1.1 200 ");
            }
        }
    }

    @Test
    void aNameThatNobodyKnowsIsABackendThatIsNotReachable() throws IOException {
        // Given
        try (Rig rig = Rig.start()) {
            serve(rig, "nobody.invalid", 80);
            try (RawClient client = rig.client()) {
                // When
                String answer =
                        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();

                // Then
                assertThat(answer).startsWith("HTTP/1.1 502 ");
            }
        }
    }

    private static void serve(Rig rig, String address, int port) {
        rig.routes.swap(
                new TableVersion(1, "0".repeat(64)),
                RouteTable.of(
                        List.of(new VirtualHost(
                                new HostPattern("a.test"), null, List.of(Rig.route(RouteAction.Forward.to("u"))))),
                        List.of(new Upstream("u", "g", null, Balancing.DEFAULT)),
                        List.of(new EndpointGroup("g", List.of(EndpointGroup.Endpoint.ready(address, port)))),
                        List.of()));
    }
}

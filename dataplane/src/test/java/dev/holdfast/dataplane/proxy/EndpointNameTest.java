package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.io.IOException;
import java.util.ArrayList;
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

    @Test
    void whatIsNeitherANameNorAnAddressCostsNobodyElseAnything() throws IOException {
        // Given
        try (RawBackend backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
                Rig rig = Rig.start();
                RawClient client = rig.client()) {
            EndpointGroup.Endpoint readable = EndpointGroup.Endpoint.ready("127.0.0.1", backend.port());
            EndpointGroup.Endpoint unreadable = EndpointGroup.Endpoint.ready("db.1-2", backend.port());

            // When
            swap(
                    rig,
                    new EndpointGroup("alone", List.of(unreadable)),
                    new EndpointGroup("both", List.of(unreadable, readable)),
                    new EndpointGroup("neighbour", List.of(readable)));

            // Then
            assertThat(status(client, "alone")).isEqualTo("503");
            assertThat(status(client, "both")).isEqualTo("200");
            assertThat(status(client, "both")).isEqualTo("200");
            assertThat(status(client, "neighbour")).isEqualTo("200");
        }
    }

    private static String status(RawClient client, String group) throws IOException {
        return client.send("GET / HTTP/1.1\r\nHost: " + group + ".test\r\n\r\n")
                .answer()
                .substring("HTTP/1.1 ".length(), "HTTP/1.1 200".length());
    }

    private static void serve(Rig rig, String address, int port) {
        swap(rig, new EndpointGroup("a", List.of(EndpointGroup.Endpoint.ready(address, port))));
    }

    /** Each group has a host of its name. */
    private static void swap(Rig rig, EndpointGroup... groups) {
        List<VirtualHost> hosts = new ArrayList<>();
        List<Upstream> upstreams = new ArrayList<>();
        for (EndpointGroup group : groups) {
            Route route = Rig.route(RouteAction.Forward.to(group.id()));
            hosts.add(new VirtualHost(new HostPattern(group.id() + ".test"), null, List.of(route)));
            upstreams.add(new Upstream(group.id(), group.id(), null, Balancing.DEFAULT));
        }
        rig.routes.swap(
                new TableVersion(1, "0".repeat(64)), RouteTable.of(hosts, upstreams, List.of(groups), List.of()));
    }
}

package dev.holdfast.routetable;

import java.util.List;

/** What a matched route does. */
public sealed interface RouteAction permits RouteAction.Forward, RouteAction.Reject {

    /**
     * Proxies the request, or the upgrade, to one of the upstreams.
     *
     * @param upstreams chosen in proportion to their weights; those of weight 0 never
     */
    record Forward(
            List<WeightedUpstream> upstreams,
            Rewrite rewrite,
            HeaderChanges requestHeaders,
            HeaderChanges responseHeaders,
            Timeouts timeouts)
            implements RouteAction {
        /** Copies the list; refuses none and more than {@link Bounds#UPSTREAMS_PER_ROUTE_MAX}. */
        public Forward {
            upstreams = List.copyOf(upstreams);
            Bounds.size("upstreams", upstreams, Bounds.UPSTREAMS_PER_ROUTE_MAX);
            if (upstreams.isEmpty()) {
                throw new IllegalArgumentException("upstreams: none (expected: at least one)");
            }
        }

        /** Forwards everything unchanged to one upstream. */
        public static Forward to(String upstream) {
            return new Forward(
                    List.of(new WeightedUpstream(upstream, 1)),
                    Rewrite.NONE,
                    HeaderChanges.NONE,
                    HeaderChanges.NONE,
                    Timeouts.DEFAULT);
        }
    }

    /**
     * One share of a route's traffic.
     *
     * @param upstream key of the table's upstreams; an upstream without endpoints answers 503
     */
    record WeightedUpstream(String upstream, int weight) {
        /** Refuses a weight outside 0 to {@link Bounds#WEIGHT_MAX}. */
        public WeightedUpstream {
            Bounds.nonEmpty("upstream", upstream, Bounds.ID_CHARS_MAX);
            Bounds.range("weight", weight, 0, Bounds.WEIGHT_MAX);
        }
    }

    /**
     * Answers by itself: a route whose match is valid but whose backend, certificate or reference is not must not let
     * its traffic fall through to a broader route.
     *
     * @param status an HTTP status, 400 to 599
     * @param reason one sentence for the client; it names no internal object
     */
    record Reject(int status, String reason) implements RouteAction {
        /** Refuses a status that is no error. */
        public Reject {
            Bounds.range("status", status, 400, 599);
            Bounds.fieldValue("reason", reason);
        }
    }
}

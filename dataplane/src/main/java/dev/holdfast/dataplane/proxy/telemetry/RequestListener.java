package dev.holdfast.dataplane.proxy.telemetry;

import java.util.List;

/** Hears of requests and upgrades. Called on the event loop of the client: be quick, never block. */
public interface RequestListener {
    /** The fields of a request, hop-by-hop ones removed if it goes to a backend. */
    interface Fields {
        /** Every value of a field, in order. */
        List<String> values(String name);

        /** Sets a field to one value. */
        void set(String name, String value);
    }

    /** What becomes of the request is known; what is set in {@code fields} goes with it to its backend, if it has one. */
    default void began(RequestTrail trail, Fields fields) {}

    /**
     * The request was answered: 101 is on its way, or a plain answer is complete. Told once.
     *
     * @param status 499 if the client went away first
     */
    void answered(RequestTrail trail, int status, long nanos);

    /** One that tells all of {@code listeners}, in order. */
    static RequestListener all(List<RequestListener> listeners) {
        List<RequestListener> each = List.copyOf(listeners);
        return new RequestListener() {
            @Override
            public void began(RequestTrail trail, Fields fields) {
                each.forEach(listener -> listener.began(trail, fields));
            }

            @Override
            public void answered(RequestTrail trail, int status, long nanos) {
                each.forEach(listener -> listener.answered(trail, status, nanos));
            }
        };
    }
}

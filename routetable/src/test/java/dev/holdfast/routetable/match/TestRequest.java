package dev.holdfast.routetable.match;

import java.util.List;

/** A request for tests; it has one header {@code X-Mode} and one query parameter {@code mode}. */
record TestRequest(String host, String path, List<String> header, List<String> query, List<String> subprotocols)
        implements RequestView {
    static TestRequest of(String host, String path) {
        return new TestRequest(host, path, List.of(), List.of(), List.of());
    }

    @Override
    public List<String> headerValues(String name) {
        return name.equalsIgnoreCase("X-Mode") ? header : List.of();
    }

    @Override
    public List<String> queryValues(String name) {
        return name.equals("mode") ? query : List.of();
    }
}

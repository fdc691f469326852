package dev.holdfast.operator;

import io.fabric8.mockwebserver.http.Response;
import io.fabric8.mockwebserver.http.WebSocket;
import io.fabric8.mockwebserver.http.WebSocketListener;
import org.jspecify.annotations.Nullable;

/**
 * Lets a watch of the mock end on a thread of its own. The mock waits on its event loop for the events that are still to
 * be sent, which wait for that loop: a connection that breaks at such a moment stopped every answer for half a minute.
 */
final class OffLoopListener extends WebSocketListener {
    private final WebSocketListener watch;

    OffLoopListener(WebSocketListener watch) {
        this.watch = watch;
    }

    @Override
    public void onBeforeAccept(WebSocket socket, Response response) {
        watch.onBeforeAccept(socket, response);
    }

    @Override
    public void onOpen(WebSocket socket, Response response) {
        watch.onOpen(socket, response);
    }

    @Override
    public void onClosing(WebSocket socket, int code, @Nullable String reason) {
        watch.onClosing(socket, code, reason);
    }

    @Override
    public void onClosed(WebSocket socket, int code, @Nullable String reason) {
        Thread.ofVirtual().start(() -> watch.onClosed(socket, code, reason));
    }

    @Override
    public void onFailure(WebSocket socket, Throwable error, Response response) {
        Thread.ofVirtual().start(() -> watch.onFailure(socket, error, response));
    }
}

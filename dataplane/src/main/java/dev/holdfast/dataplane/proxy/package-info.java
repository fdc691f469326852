/**
 * The front of the proxy. In come connections of clients; out go requests to backends and their answers, or, for an
 * upgrade, the whole connection to {@code proxy.tunnel}. One event loop serves a client connection and every backend
 * connection made for it; nothing here locks or blocks.
 */
@NullMarked
package dev.holdfast.dataplane.proxy;

import org.jspecify.annotations.NullMarked;

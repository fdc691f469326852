/**
 * TLS of both sides. In come the certificates of a table and the {@code BackendTls} of its upstreams; out come server
 * handlers chosen by SNI and client handlers that verify. Contexts are built off the event loop and shared.
 */
@NullMarked
package dev.holdfast.dataplane.proxy.tls;

import org.jspecify.annotations.NullMarked;

/** Sockets below channels. */
@NullMarked
package dev.holdfast.dataplane.proxy.transport;

import org.jspecify.annotations.NullMarked;

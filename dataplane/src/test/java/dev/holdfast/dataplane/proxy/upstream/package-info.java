/** Choosing endpoints, and connecting to them over real sockets. */
@NullMarked
package dev.holdfast.dataplane.proxy.upstream;

import org.jspecify.annotations.NullMarked;

/**
 * The upgrade and the tunnel after it: in comes a client channel with a validated upgrade request, out comes a tunnel
 * that relays bytes until one side, a timeout or a drain ends it, with a Close frame wherever one can be said.
 */
@NullMarked
package dev.holdfast.dataplane.proxy.tunnel;

import org.jspecify.annotations.NullMarked;

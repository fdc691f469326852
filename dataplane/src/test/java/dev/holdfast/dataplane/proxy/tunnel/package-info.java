/** Upgrades and tunnels over real sockets: a scripted client, a minimal front, a scripted backend. */
@NullMarked
package dev.holdfast.dataplane.proxy.tunnel;

import org.jspecify.annotations.NullMarked;

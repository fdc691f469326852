/** Netty's epoll transport as the proxy needs it: in come its registrations, out come ones that survive a half-close. */
@NullMarked
package dev.holdfast.dataplane.proxy.transport;

import org.jspecify.annotations.NullMarked;

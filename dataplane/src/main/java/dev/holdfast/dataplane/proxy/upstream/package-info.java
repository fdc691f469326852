/**
 * Where a request goes: in comes a route's forward action and what is known of the client, out comes a leased endpoint
 * and, from the connector, a connected channel. Balancing state belongs to the identity of upstreams and endpoints and
 * survives every swap.
 */
@NullMarked
package dev.holdfast.dataplane.proxy.upstream;

import org.jspecify.annotations.NullMarked;

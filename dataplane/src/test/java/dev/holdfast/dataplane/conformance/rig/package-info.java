/**
 * Peers made of plain blocking sockets that say and record exact bytes: a client, a scripted backend, and a running proxy
 * between both. Nothing here uses the code under test except to start it.
 */
@NullMarked
package dev.holdfast.dataplane.conformance.rig;

import org.jspecify.annotations.NullMarked;

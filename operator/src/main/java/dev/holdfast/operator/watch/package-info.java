/**
 * The operator's side of Kubernetes, and its only user of JOSDK. Goes in: what the API server says. Comes out: snapshots
 * and the signal that a new one is worth reading; on the leader, status and Events.
 */
@NullMarked
package dev.holdfast.operator.watch;

import org.jspecify.annotations.NullMarked;

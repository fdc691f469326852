/** The operator on a real API server, the one that {@code KUBECONFIG} names; skipped where there is none. */
@NullMarked
package dev.holdfast.e2e.cluster;

import org.jspecify.annotations.NullMarked;

/** A Kubernetes API server that a test scripts: manifests in, watch events for a real operator out. */
@NullMarked
package dev.holdfast.e2e.cluster;

import org.jspecify.annotations.NullMarked;

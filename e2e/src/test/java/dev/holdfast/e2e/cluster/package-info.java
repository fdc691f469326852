/** An API server that a test scripts, for operators that run as processes. */
@NullMarked
package dev.holdfast.e2e.cluster;

import org.jspecify.annotations.NullMarked;

/** Stories of losing the operator: operator and data plane as two processes, an API server that a test scripts. */
@NullMarked
package dev.holdfast.e2e.lossofcontrol;

import org.jspecify.annotations.NullMarked;

/** What the proxy counts. */
@NullMarked
package dev.holdfast.dataplane.proxy.telemetry;

import org.jspecify.annotations.NullMarked;

/**
 * Traces: in come requests and the ends of tunnels, out go spans by OTLP over HTTP. Loaded only if an endpoint is
 * configured; nothing else knows OpenTelemetry.
 */
@NullMarked
package dev.holdfast.dataplane.trace;

import org.jspecify.annotations.NullMarked;

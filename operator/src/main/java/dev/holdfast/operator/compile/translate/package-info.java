/**
 * From the objects that users write to what they ask for: Ingress and WebSocketRoute go in, {@code RouteIntent}s and
 * diagnostics come out. The last place where Kubernetes types appear. Pure: no clock, no I/O, no logger, no client.
 */
@NullMarked
package dev.holdfast.operator.compile.translate;

import org.jspecify.annotations.NullMarked;

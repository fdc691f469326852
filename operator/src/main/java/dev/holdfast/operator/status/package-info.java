/**
 * From a compile result and the answers of data planes to what owners read: the conditions of a WebSocketRoute, the
 * Events and addresses of an Ingress. Pure but for {@code GenerationLog}, which remembers versions; who writes is
 * {@code watch}.
 */
@NullMarked
package dev.holdfast.operator.status;

import org.jspecify.annotations.NullMarked;

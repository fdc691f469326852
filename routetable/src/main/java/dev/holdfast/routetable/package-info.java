/**
 * The route table: the one noun that the operator and the data plane share. Everything here is an immutable record
 * that checks its own invariants, so that neither side can hold a table that the other would refuse. Kubernetes and
 * Netty are unknown here.
 */
@NullMarked
package dev.holdfast.routetable;

import org.jspecify.annotations.NullMarked;

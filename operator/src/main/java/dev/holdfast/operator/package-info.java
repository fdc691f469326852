/** The operator process: watch, snapshot, compile, publish, status; wiring and configuration live here. */
@NullMarked
package dev.holdfast.operator;

import org.jspecify.annotations.NullMarked;

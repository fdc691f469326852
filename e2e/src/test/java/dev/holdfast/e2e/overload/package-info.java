/**
 * Overload and abuse of a data plane in a process of its own: in come hostile, slow, dead and silent peers, out come figures of
 * what the honest ones noticed. The numbers R.. are those of {@code docs/reliability.md}.
 */
@NullMarked
package dev.holdfast.e2e.overload;

import org.jspecify.annotations.NullMarked;

/** The data plane process: sync, match, proxy, admin; wiring and configuration live here. */
@NullMarked
package dev.holdfast.dataplane;

import org.jspecify.annotations.NullMarked;

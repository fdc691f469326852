/** Local mode: both processes in one, without a cluster. A source of objects comes in; a proxy that serves and a printout go out. */
@NullMarked
package dev.holdfast.cli.local;

import org.jspecify.annotations.NullMarked;

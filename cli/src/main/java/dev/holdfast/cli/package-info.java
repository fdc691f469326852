/** The command a person types. Arguments come in; a running local mode, a lint report, or one of the two processes goes out. */
@NullMarked
package dev.holdfast.cli;

import org.jspecify.annotations.NullMarked;

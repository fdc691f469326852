/** Tests of the commands, with the exit status that a shell sees. */
@NullMarked
package dev.holdfast.cli;

import org.jspecify.annotations.NullMarked;

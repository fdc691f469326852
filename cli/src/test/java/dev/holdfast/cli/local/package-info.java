/** Tests of the package, on real sockets. */
@NullMarked
package dev.holdfast.cli.local;

import org.jspecify.annotations.NullMarked;

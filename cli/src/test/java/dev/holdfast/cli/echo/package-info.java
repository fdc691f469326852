/** Tests of the package, on real sockets. */
@NullMarked
package dev.holdfast.cli.echo;

import org.jspecify.annotations.NullMarked;

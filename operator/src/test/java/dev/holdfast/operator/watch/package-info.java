/** Tests of single parts of the watch; its whole is tested on a mock API server one package up. */
@NullMarked
package dev.holdfast.operator.watch;

import org.jspecify.annotations.NullMarked;

/** Real processes of the product, started as a user would start them, and stopped or killed by pid. */
@NullMarked
package dev.holdfast.e2e.process;

import org.jspecify.annotations.NullMarked;

/** Lines of log. */
@NullMarked
package dev.holdfast.dataplane.log;

import org.jspecify.annotations.NullMarked;

/** Time on an event loop. */
@NullMarked
package dev.holdfast.dataplane.proxy.timer;

import org.jspecify.annotations.NullMarked;

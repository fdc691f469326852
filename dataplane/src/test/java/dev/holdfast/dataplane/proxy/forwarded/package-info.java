/** What a message says about its way here. */
@NullMarked
package dev.holdfast.dataplane.proxy.forwarded;

import org.jspecify.annotations.NullMarked;

/** Stories of the channel between two processes: the operator dies in the middle of a push, the data plane does not. */
@NullMarked
package dev.holdfast.e2e.channel;

import org.jspecify.annotations.NullMarked;

/** What travels: a whole table, the difference of two, or a sign of life; and the answer to it. No sockets, no clock. */
@NullMarked
package dev.holdfast.routetable.update;

import org.jspecify.annotations.NullMarked;

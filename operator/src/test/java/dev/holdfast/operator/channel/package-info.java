/** The CA and the tokens of the table stream, without sockets. */
@NullMarked
package dev.holdfast.operator.channel;

import org.jspecify.annotations.NullMarked;

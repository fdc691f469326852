/** Where the table stream and the traffic meet: the active table. Knows neither the stream nor Netty. */
@NullMarked
package dev.holdfast.dataplane.match;

import org.jspecify.annotations.NullMarked;

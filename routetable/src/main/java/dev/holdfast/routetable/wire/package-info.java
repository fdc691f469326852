/** The form of a table on the wire and its identity: JSON, canonical by construction, strict when read. */
@NullMarked
package dev.holdfast.routetable.wire;

import org.jspecify.annotations.NullMarked;

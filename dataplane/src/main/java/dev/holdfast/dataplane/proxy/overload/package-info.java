/** What the proxy does at the end of its means: in come counts of what is open, out come refusals of new work. */
@NullMarked
package dev.holdfast.dataplane.proxy.overload;

import org.jspecify.annotations.NullMarked;

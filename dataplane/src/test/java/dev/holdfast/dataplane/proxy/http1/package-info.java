/** Tests of what is written as HTTP. */
@NullMarked
package dev.holdfast.dataplane.proxy.http1;

import org.jspecify.annotations.NullMarked;

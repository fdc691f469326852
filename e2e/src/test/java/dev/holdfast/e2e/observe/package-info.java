/** What operators of the controller see of it: the documented meters against those that processes show. */
@NullMarked
package dev.holdfast.e2e.observe;

import org.jspecify.annotations.NullMarked;

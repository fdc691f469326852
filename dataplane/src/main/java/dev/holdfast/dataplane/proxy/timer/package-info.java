/**
 * Time on an event loop: one wheel per loop instead of a scheduled task per connection. In come timers, out come their
 * expiries, on the loop, a tick late at most.
 */
@NullMarked
package dev.holdfast.dataplane.proxy.timer;

import org.jspecify.annotations.NullMarked;

/** Traffic that checks itself: echo backends, and fleets of tunnels that count every byte they send and get back. */
@NullMarked
package dev.holdfast.e2e.traffic;

import org.jspecify.annotations.NullMarked;

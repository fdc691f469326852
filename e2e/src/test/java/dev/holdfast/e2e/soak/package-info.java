/**
 * Hours of traffic that checks itself while the configuration is edited without pause: in goes how long and how much, out
 * come counts that must be zero and slopes that must be flat.
 */
@NullMarked
package dev.holdfast.e2e.soak;

import org.jspecify.annotations.NullMarked;

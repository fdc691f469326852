/** What is wrong, where, how bad, and what to do about it. Data only; who sees it is decided elsewhere. */
@NullMarked
package dev.holdfast.operator.diagnostic;

import org.jspecify.annotations.NullMarked;

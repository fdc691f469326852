/**
 * Follows the operator: events of the table stream go in, swaps of the active table and reports come out. Also keeps
 * the last known good table on disk. Knows nothing of the proxy; both meet at {@code match.ActiveRoutes}.
 */
@NullMarked
package dev.holdfast.dataplane.sync;

import org.jspecify.annotations.NullMarked;

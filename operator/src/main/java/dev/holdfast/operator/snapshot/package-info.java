/** The relevant state of the cluster at one moment: immutable, sorted, slim. Built from informer stores or from a directory; read by compile. */
@NullMarked
package dev.holdfast.operator.snapshot;

import org.jspecify.annotations.NullMarked;

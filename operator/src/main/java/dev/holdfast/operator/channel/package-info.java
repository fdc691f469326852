/**
 * What the table stream needs to leave the machine. Goes in: a CA in a Secret that all replicas share, tokens that data
 * planes show. Comes out: a certificate for the stream, a bundle in a ConfigMap for those who must trust it, and who a
 * token belongs to.
 */
@NullMarked
package dev.holdfast.operator.channel;

import org.jspecify.annotations.NullMarked;

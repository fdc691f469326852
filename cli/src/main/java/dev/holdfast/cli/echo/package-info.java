/** The built-in backend. Requests and tunnels come in; what was received goes back, for people as a test page. */
@NullMarked
package dev.holdfast.cli.echo;

import org.jspecify.annotations.NullMarked;

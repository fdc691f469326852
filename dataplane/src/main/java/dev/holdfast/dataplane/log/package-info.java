/**
 * Lines of log out of SLF4J calls: in goes a message of any thread, out comes one JSON object per line on standard output.
 * A data plane takes this instead of Log4j, whose 785 classes would stay in the memory of every one.
 */
@NullMarked
package dev.holdfast.dataplane.log;

import org.jspecify.annotations.NullMarked;

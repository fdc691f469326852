/** What every test of the module is watched for. In goes nothing; out comes a failed test class. */
@NullMarked
package dev.holdfast.dataplane.guard;

import org.jspecify.annotations.NullMarked;

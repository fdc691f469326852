/** A directory of manifests as a source of objects. Files and their changes come in; snapshots and notices about files go out. */
@NullMarked
package dev.holdfast.cli.manifest;

import org.jspecify.annotations.NullMarked;

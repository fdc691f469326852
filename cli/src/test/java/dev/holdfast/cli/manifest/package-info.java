/** Tests of the directory of manifests, on real files. */
@NullMarked
package dev.holdfast.cli.manifest;

import org.jspecify.annotations.NullMarked;

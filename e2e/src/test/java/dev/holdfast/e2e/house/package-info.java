/** The rules of the house that no compiler knows, as tests: formatting, size, names, links of the documents. */
@NullMarked
package dev.holdfast.e2e.house;

import org.jspecify.annotations.NullMarked;

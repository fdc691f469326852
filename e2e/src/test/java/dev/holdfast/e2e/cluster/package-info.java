/**
 * Clusters: an API server that a test scripts, for operators that run as processes; and, in the stories, a real one with
 * the chart installed, which {@code e2e/cluster/run.sh} starts and names by system properties.
 */
@NullMarked
package dev.holdfast.e2e.cluster;

import org.jspecify.annotations.NullMarked;

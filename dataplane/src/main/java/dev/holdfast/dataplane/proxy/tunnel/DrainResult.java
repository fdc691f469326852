package dev.holdfast.dataplane.proxy.tunnel;

/**
 * What a drain came to.
 *
 * @param drained tunnels that ended with a Close frame of either side, or that their peers ended
 * @param cut tunnels that were ended at the deadline without one, and upgrades that were still under way then
 */
public record DrainResult(int drained, int cut) {}

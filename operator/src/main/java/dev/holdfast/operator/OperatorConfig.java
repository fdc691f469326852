package dev.holdfast.operator;

import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.publish.StreamServerConfig;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * What the path from a snapshot to the stream is told, with and without a cluster.
 *
 * @param compile what an administrator decides for all objects
 * @param stream where tables are served
 * @param pace how changes are gathered
 */
public record OperatorConfig(CompileOptions compile, StreamServerConfig stream, Pace pace) {
    /** The defaults, with the stream on a loopback port; 0 takes any free one. */
    public static OperatorConfig of(CompileOptions compile, int streamPort) {
        InetSocketAddress listen = new InetSocketAddress(InetAddress.getLoopbackAddress(), streamPort);
        return new OperatorConfig(compile, StreamServerConfig.of(listen), Pace.DEFAULT);
    }

    /** The same with another stream. */
    OperatorConfig withStream(StreamServerConfig other) {
        return new OperatorConfig(compile, other, pace);
    }
}

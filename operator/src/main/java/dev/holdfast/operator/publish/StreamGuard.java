package dev.holdfast.operator.publish;

import java.time.InstantSource;
import javax.net.ssl.SSLContext;

/**
 * What a stream needs that leaves the machine.
 *
 * @param tls offers the certificate that is valid at the moment
 * @param peers tells who asks; every request is asked
 * @param time says when what a data plane showed is over
 */
public record StreamGuard(SSLContext tls, PeerVerifier peers, InstantSource time) {}

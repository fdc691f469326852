package dev.holdfast.dataplane.proxy.upstream;

import io.netty.channel.Channel;

/**
 * A connection to an endpoint: TLS handshake done and verified, nothing sent yet, the pipeline holds at most the
 * {@code SslHandler}. It does not read until its owner asks: auto-read is off.
 *
 * @param lease of the endpoint that answered; the owner releases it when the exchange ends
 */
public record Connected(Channel channel, EndpointLease lease) {}

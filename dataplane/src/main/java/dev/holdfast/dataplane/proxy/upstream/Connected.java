package dev.holdfast.dataplane.proxy.upstream;

import io.netty.channel.Channel;

/**
 * A connection to an endpoint: TLS handshake done and verified, nothing sent yet, the pipeline holds at most the
 * {@code SslHandler}. Add handlers in the listener that hears of it: the channel reads already (toggling auto-read costs
 * system calls), and half-closure is allowed.
 *
 * @param lease of the endpoint that answered; the owner releases it when the exchange ends
 */
public record Connected(Channel channel, EndpointLease lease) {}

package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Upstream;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/** One open tunnel or request on one endpoint. Used by one event loop; {@link #release} from any. */
public interface EndpointLease {
    /** The upstream that was chosen; says whether its endpoints speak TLS. Not asked once it is {@link #settled}. */
    Upstream upstream();

    /** The endpoint that was chosen. */
    EndpointGroup.Endpoint endpoint();

    /** Where to connect: the endpoint's address; unresolved if it is a name. */
    InetSocketAddress address();

    /**
     * The {@code Set-Cookie} value that binds the client to this endpoint, or null when the upstream has no sticky
     * cookie or the client already presents this one. Not asked once it is {@link #settled}.
     */
    @Nullable
    String stickyCookie(CookieSecurity security);

    /**
     * Another endpoint of the same upstream, after this one could not be connected, or ended its connection without a word of
     * an answer to what may be sent again. Releases this lease. Never an endpoint that was tried before under the same selection. Not asked once it is
     * {@link #settled}.
     *
     * @param avoid lets everyone avoid the endpoint for a short while: it failed, and not because of this request
     */
    Selection next(boolean avoid);

    /**
     * The backend has answered: no other endpoint will be asked for. Forgets what it was chosen from, which belongs to
     * one table and would stay in memory for as long as a tunnel is open.
     */
    void settled();

    /** Ends the count. May be called more than once. */
    void release();
}

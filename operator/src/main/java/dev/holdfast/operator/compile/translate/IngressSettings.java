package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.compile.translate.BackendIntent.Protocol;
import dev.holdfast.operator.compile.translate.BackendIntent.TlsSettings;
import dev.holdfast.operator.compile.translate.RouteIntent.Redirect;
import dev.holdfast.routetable.BackendTls.Verification;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.Balancing.SameSite;
import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Timeouts;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What the annotations of one Ingress say. Filled while they are read, the nginx ones first, so that our own win; read
 * afterwards.
 */
final class IngressSettings {
    /** What becomes of the routes of the Ingress. */
    enum Fate {
        /** They are served. */
        SERVE,
        /** They answer 503: something that was asked for cannot be had, and serving without it could do harm. */
        REJECT,
        /** They are left out: another Ingress is the main one for the same paths. */
        LEAVE_OUT
    }

    Fate fate = Fate.SERVE;
    Redirect redirect = Redirect.WITH_CERTIFICATE;
    Duration connect = Timeouts.DEFAULT.connect();
    Duration handshake = Timeouts.DEFAULT.handshake();
    Duration idle = Timeouts.DEFAULT.idle();
    Balancing.Policy policy = Balancing.Policy.LEAST_TUNNELS;

    @Nullable
    String cookieName;
    /** Null: the path of the route. */
    @Nullable
    String cookiePath;

    @Nullable
    Duration cookieMaxAge;

    @Nullable
    SameSite cookieSameSite;

    @Nullable
    String rewriteHost;

    @Nullable
    String rewritePrefix;

    @Nullable
    Protocol protocol;

    @Nullable
    Verification verification;

    @Nullable
    String caSecret;

    @Nullable
    String serverName;
    /** The annotation that speaks of TLS towards the backend; null when none does. */
    @Nullable
    String tlsFieldPath;

    /** Makes the outcome worse, never better: a route that is left out cannot come back as a reject. */
    void atLeast(Fate other) {
        fate = fate.compareTo(other) < 0 ? other : fate;
    }

    Timeouts timeouts() {
        return new Timeouts(connect, handshake, idle);
    }

    BackendIntent.Speech speech(PathMatch path) {
        StickyCookie cookie = null;
        if (cookieName != null) {
            String matched = path.value().indexOf(';') >= 0 ? "/" : path.value();
            String scope = cookiePath == null ? matched : cookiePath;
            cookie = new StickyCookie(cookieName, scope, cookieMaxAge, cookieSameSite);
        }
        TlsSettings tls = tlsFieldPath == null
                ? null
                : new TlsSettings(
                        tlsFieldPath, verification == null ? Verification.VERIFY : verification, caSecret, serverName);
        return new BackendIntent.Speech(protocol, tls, new Balancing(policy, cookie));
    }

    /** An exact match consumes the whole path, so there the replacement is the whole path too. */
    Rewrite rewrite(PathMatch path) {
        if (rewritePrefix == null) {
            return new Rewrite(new Rewrite.Keep(), rewriteHost);
        }
        return new Rewrite(
                path.type() == PathMatch.Type.PREFIX
                        ? new Rewrite.ReplacePrefix(rewritePrefix)
                        : new Rewrite.ReplaceFull(rewritePrefix),
                rewriteHost);
    }
}

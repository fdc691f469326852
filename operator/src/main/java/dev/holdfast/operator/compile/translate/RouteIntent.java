package dev.holdfast.operator.compile.translate;

import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.RouteMatch;

/**
 * What one object asks for under one host and match; the form in which both dialects meet.
 *
 * @param action the same object for all matches of a rule that share it, so that it is resolved once
 */
public record RouteIntent(HostPattern host, RouteMatch match, ActionIntent action, Redirect redirect, Place place) {
    /** Which requests over http are answered by a redirect to https. */
    public enum Redirect {
        /** All. */
        ALWAYS,
        /** All where the host has a certificate, whoever named it. */
        WITH_CERTIFICATE,
        /** None. */
        NEVER
    }

    /** How much an intent insists. */
    public enum Rank {
        /** Written for this host and path. */
        RULE,
        /** The default backend of an Ingress: serves only what nobody asked for explicitly. */
        DEFAULT_BACKEND
    }

    /**
     * Where the intent stands in its object.
     *
     * @param rule index of the rule, from 0
     * @param match index of the match in the rule, from 0
     */
    public record Place(Rank rank, int rule, int match, String fieldPath) {
        /** The part of the route's id that names the place. */
        public String id() {
            return switch (rank) {
                case RULE -> rule + "/" + match;
                case DEFAULT_BACKEND -> "default/" + match;
            };
        }
    }
}

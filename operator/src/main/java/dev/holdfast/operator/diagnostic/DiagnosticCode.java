package dev.holdfast.operator.diagnostic;

/**
 * Every kind of problem, with how it surfaces: condition type and reason on a WebSocketRoute (Gateway API spellings
 * where it has the thing), the reason of an Event on an Ingress. {@code docs/diagnostics.md} documents each; a test
 * compares the two.
 */
public enum DiagnosticCode {
    /** A field holds a value that is not allowed. */
    INVALID_SPEC(Severity.ERROR, Condition.ACCEPTED, "InvalidSpec"),
    /** An older object serves the same host and match. */
    CONFLICT(Severity.ERROR, Condition.ACCEPTED, "Conflicted"),
    /** A kind of value that is valid for Kubernetes and not served here. */
    UNSUPPORTED_VALUE(Severity.ERROR, Condition.ACCEPTED, "UnsupportedValue"),
    /** All backends of a rule have weight 0, so its requests are answered with 503. */
    ZERO_WEIGHT(Severity.WARNING, Condition.ACCEPTED, "ZeroWeight"),
    /** There is more of something than a table holds; what is beyond is not served. */
    LIMIT_EXCEEDED(Severity.ERROR, Condition.ACCEPTED, "LimitExceeded"),
    /** The named Service does not exist. */
    BACKEND_NOT_FOUND(Severity.ERROR, Condition.RESOLVED_REFS, "BackendNotFound"),
    /** The Service has no such port. */
    PORT_NOT_FOUND(Severity.ERROR, Condition.RESOLVED_REFS, "PortNotFound"),
    /** The Service has no endpoint that could take a tunnel. */
    NO_ENDPOINTS(Severity.WARNING, Condition.RESOLVED_REFS, "NoEndpoints"),
    /** An endpoint is left out because its address cannot be used; the others are served. */
    ENDPOINT_IGNORED(Severity.WARNING, Condition.RESOLVED_REFS, "EndpointIgnored"),
    /** A reference to a kind that is not served here. */
    INVALID_KIND(Severity.ERROR, Condition.RESOLVED_REFS, "InvalidKind"),
    /** The Service's appProtocol is not one that is served here. */
    UNSUPPORTED_PROTOCOL(Severity.ERROR, Condition.RESOLVED_REFS, "UnsupportedProtocol"),
    /** The reference is not permitted: ExternalName is off, or an address is forbidden. */
    REF_NOT_PERMITTED(Severity.ERROR, Condition.RESOLVED_REFS, "RefNotPermitted"),
    /** The named Secret does not exist. */
    SECRET_NOT_FOUND(Severity.ERROR, Condition.RESOLVED_REFS, "SecretNotFound"),
    /** The Secret holds no usable certificate and key. */
    INVALID_CERTIFICATE(Severity.ERROR, Condition.RESOLVED_REFS, "InvalidCertificate"),
    /** An annotation has no effect here. */
    ANNOTATION_IGNORED(Severity.WARNING, Condition.ACCEPTED, "AnnotationIgnored"),
    /** An annotation that bears on security cannot be honoured; the object's routes answer 503. */
    ANNOTATION_REFUSED(Severity.ERROR, Condition.ACCEPTED, "AnnotationRefused"),
    /** A field has no effect in this combination, or is not known to this version. */
    FIELD_IGNORED(Severity.WARNING, Condition.ACCEPTED, "FieldIgnored");

    /** The condition types of a WebSocketRoute that a problem can turn false. */
    public enum Condition {
        /** The spec is valid and wins its hosts and paths. */
        ACCEPTED("Accepted"),
        /** Its references exist and can be used. */
        RESOLVED_REFS("ResolvedRefs");

        private final String type;

        Condition(String type) {
            this.type = type;
        }

        /** The condition type as it stands in status. */
        public String type() {
            return type;
        }
    }

    private final Severity severity;
    private final Condition condition;
    private final String reason;

    DiagnosticCode(Severity severity, Condition condition, String reason) {
        this.severity = severity;
        this.condition = condition;
        this.reason = reason;
    }

    /** How bad it is. */
    public Severity severity() {
        return severity;
    }

    /** The condition that it turns false if it is an error. */
    public Condition condition() {
        return condition;
    }

    /** The reason of the condition or the Event. */
    public String reason() {
        return reason;
    }
}

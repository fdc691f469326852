package dev.holdfast.dataplane.proxy.http1;

/** Leaves the parser at the first defect. An outcome, not a bug: it has no stack trace. */
final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;
    private final transient Refusal refusal;

    RefusedException(Refusal refusal) {
        super(refusal.reason(), null, false, false);
        this.refusal = refusal;
    }

    Refusal refusal() {
        return refusal;
    }
}

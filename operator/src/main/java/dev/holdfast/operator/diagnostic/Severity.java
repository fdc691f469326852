package dev.holdfast.operator.diagnostic;

/** How bad a problem is for its owner. */
public enum Severity {
    /** Traffic of the object, or a part of it, is not served as written. */
    ERROR,
    /** The object is served; something in it has no effect or will surprise. */
    WARNING
}

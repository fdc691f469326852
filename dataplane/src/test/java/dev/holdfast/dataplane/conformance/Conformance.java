package dev.holdfast.dataplane.conformance;

import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The duty that a test shows. {@code docs/conformance.md} lists all of them. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
@Repeatable(Conformance.All.class)
public @interface Conformance {
    /** The number of the duty: {@code C01} or {@code W01}. */
    String value();

    /** Where it is written: {@code 9110 §7.6.1}. */
    String rfc();

    /** Several of them. */
    @Retention(RetentionPolicy.RUNTIME)
    @Target(ElementType.METHOD)
    public @interface All {
        /** The duties. */
        Conformance[] value();
    }
}

package dev.holdfast.operator;

/** Hears of every finished compile, in order, on the compile thread: it must not block. */
@FunctionalInterface
public interface CompileListener {
    /** A compile finished and its table is published. */
    void compiled(Compilation compilation);
}

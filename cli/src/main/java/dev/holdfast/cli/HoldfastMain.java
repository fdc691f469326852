package dev.holdfast.cli;

/** Starts the command line. */
public final class HoldfastMain {
    private HoldfastMain() {}

    /** Exit status: 0 all is well, 1 errors were found, 2 the arguments or the files cannot be read. */
    public static void main(String[] args) {
        System.exit(0);
    }
}

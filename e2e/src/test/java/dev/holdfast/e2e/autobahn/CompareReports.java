package dev.holdfast.e2e.autobahn;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/** Compares two reports of Autobahn and prints the figures. Exit status 0 if the proxy changed nothing that matters. */
final class CompareReports {
    /** A case may flip between strict and non-strict by timing alone. */
    static final int FLIPS_MAX = 2;

    private CompareReports() {}

    /** Takes the scheme, the direct report's directory, the other one's, and how many cases there must be at least. */
    public static void main(String[] args) throws IOException {
        Report direct = Report.read(Path.of(args[1]));
        Report through = Report.read(Path.of(args[2]));
        System.exit(compare(args[0], direct, through, Integer.parseInt(args[3]), System.out) ? 0 : 1);
    }

    /** Prints the figures and returns whether all is well. */
    static boolean compare(String scheme, Report direct, Report through, int casesMin, PrintStream out) {
        print(scheme + " direct", direct, out);
        print(scheme + " through holdfast", through, out);
        Comparison comparison = Comparison.of(direct, through);
        out.printf(
                "figure: R41 autobahn %s differences: new failures %d (limit 0), flips %d (limit %d), close codes %d (limit 0)%n",
                scheme,
                comparison.newFailures().size(),
                comparison.flips().size(),
                FLIPS_MAX,
                comparison.closeCodes().size());
        print("new failure", comparison.newFailures(), out);
        print("flip", comparison.flips(), out);
        print("other close code", comparison.closeCodes(), out);
        if (direct.cases().size() < casesMin) {
            out.printf(
                    "autobahn: %d cases were run (expected: at least %d)%n",
                    direct.cases().size(), casesMin);
            return false;
        }
        return comparison.isPassed(FLIPS_MAX);
    }

    private static void print(String what, Report report, PrintStream out) {
        out.printf(
                "figure: autobahn %s: cases %d, OK %d, non-strict %d, informational %d, failed %d%n",
                what,
                report.cases().size(),
                report.count("OK"),
                report.count("NON-STRICT"),
                report.count("INFORMATIONAL"),
                report.failures());
    }

    private static void print(String what, List<String> lines, PrintStream out) {
        lines.forEach(line -> out.println("  " + what + " " + line));
    }
}

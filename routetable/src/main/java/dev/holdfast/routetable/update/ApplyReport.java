package dev.holdfast.routetable.update;

import dev.holdfast.routetable.TableVersion;
import java.util.regex.Pattern;

/**
 * A data plane's answer to one update.
 *
 * @param dataPlane the name of the data plane, its pod's in a cluster
 * @param version the version of the update that is answered
 */
public record ApplyReport(String dataPlane, TableVersion version, ApplyOutcome outcome) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?");

    /** Refuses a name that could not be a label. */
    public ApplyReport {
        if (!isName(dataPlane)) {
            throw new IllegalArgumentException("dataPlane: \"" + dataPlane + "\" (expected: letters, digits, . _ -)");
        }
    }

    /** Whether a text can be the name of a data plane: what a pod's name can be, in either case. */
    public static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }
}

package dev.holdfast.operator.status;

import dev.holdfast.operator.diagnostic.Diagnostic;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What an Ingress's owner is told by Events, since an Ingress has no conditions. */
public final class IngressEvents {
    private static final int MESSAGE_CHARS_MAX = 1_024;
    private static final int NAME_CHARS_MAX = 220;

    private IngressEvents() {}

    /**
     * One Event.
     *
     * @param name equal for equal content, so that a second operator, or the same one after a restart, finds it told
     * @param type {@code Normal} or {@code Warning}
     */
    public record IngressEvent(String name, String type, String reason, String message) {}

    /**
     * Tells of a problem.
     *
     * @param ingress the Ingress's name
     * @param uid the Ingress's uid: one that is created again is told again
     */
    public static IngressEvent problem(String ingress, String uid, Diagnostic diagnostic) {
        String message = diagnostic.fieldPath().isEmpty()
                ? diagnostic.message()
                : diagnostic.fieldPath() + ": " + diagnostic.message();
        return event(ingress, uid, "Warning", diagnostic.code().reason(), message);
    }

    /** Tells that no problem is left. */
    public static IngressEvent resolved(String ingress, String uid) {
        return event(ingress, uid, "Normal", "Resolved", "every problem is solved; all is served as written");
    }

    private static IngressEvent event(String ingress, String uid, String type, String reason, String message) {
        String bounded =
                message.length() <= MESSAGE_CHARS_MAX ? message : message.substring(0, MESSAGE_CHARS_MAX - 3) + "...";
        String head = ingress.length() <= NAME_CHARS_MAX ? ingress : ingress.substring(0, NAME_CHARS_MAX);
        return new IngressEvent(head + "." + hash(uid + "\n" + reason + "\n" + message), type, reason, bounded);
    }

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}

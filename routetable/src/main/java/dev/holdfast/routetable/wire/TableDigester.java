package dev.holdfast.routetable.wire;

import dev.holdfast.routetable.RouteTable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * Computes the digest of a table: SHA-256 over, per section and in key order, each key and the SHA-256 of its entry's
 * canonical bytes. Remembers the entries of the last table by object identity, so that a table that shares most of them
 * costs as much as its difference. Not thread-safe.
 */
public final class TableDigester {
    private Map<Record, byte[]> known = new IdentityHashMap<>();

    /** The digest in lower-case hexadecimal, 64 digits. */
    public String digest(RouteTable table) {
        Map<Record, byte[]> current = new IdentityHashMap<>();
        MessageDigest whole = sha256();
        section(whole, "virtualHosts", table.virtualHosts(), current);
        section(whole, "upstreams", table.upstreams(), current);
        section(whole, "endpoints", table.endpoints(), current);
        section(whole, "certificates", table.certificates(), current);
        known = current;
        return HexFormat.of().formatHex(whole.digest());
    }

    private void section(
            MessageDigest whole, String name, Map<String, ? extends Record> entries, Map<Record, byte[]> current) {
        text(whole, name);
        text(whole, Integer.toString(entries.size()));
        entries.forEach((key, entry) -> {
            byte[] digest = known.get(entry);
            if (digest == null) {
                digest = sha256().digest(WireCodec.canonical(entry));
            }
            current.put(entry, digest);
            text(whole, key);
            whole.update(digest);
        });
    }

    private static void text(MessageDigest digest, String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        // No key contains a zero byte, so no two sequences of keys run together.
        digest.update((byte) 0);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}

package dev.holdfast.routetable.wire;

import dev.holdfast.routetable.RouteTable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Computes the digest of a table: SHA-256 over, per section and in key order, each key and the SHA-256 of its entry's
 * canonical bytes. Remembers the entries of the last table by object identity, so that a table that shares most of them
 * costs as much as its difference. Not thread-safe.
 */
public final class TableDigester {
    /** What is remembered beyond the last table, so that a table costs no new map as long as little of it changes. */
    private static final int FORGOTTEN_MAX = 256;

    private final Map<Record, byte[]> known = new IdentityHashMap<>();

    /** The digest in lower-case hexadecimal, 64 digits. */
    public String digest(RouteTable table) {
        List<Map<String, ? extends Record>> sections =
                List.of(table.virtualHosts(), table.upstreams(), table.endpoints(), table.certificates());
        MessageDigest whole = sha256();
        section(whole, "virtualHosts", table.virtualHosts());
        section(whole, "upstreams", table.upstreams());
        section(whole, "endpoints", table.endpoints());
        section(whole, "certificates", table.certificates());
        int entries = sections.stream().mapToInt(Map::size).sum();
        if (known.size() > entries + FORGOTTEN_MAX) {
            Map<Record, byte[]> current = new IdentityHashMap<>(entries);
            sections.forEach(section ->
                    section.values().forEach(entry -> current.put(entry, Objects.requireNonNull(known.get(entry)))));
            known.clear();
            known.putAll(current);
        }
        return HexFormat.of().formatHex(whole.digest());
    }

    private void section(MessageDigest whole, String name, Map<String, ? extends Record> entries) {
        text(whole, name);
        text(whole, Integer.toString(entries.size()));
        entries.forEach((key, entry) -> {
            text(whole, key);
            whole.update(known.computeIfAbsent(entry, changed -> sha256().digest(WireCodec.canonical(changed))));
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

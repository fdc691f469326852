package dev.holdfast.dataplane.conformance;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * One attack of {@code conformance/smuggling.txt}; the file explains its format and verdicts.
 *
 * @param words of the verdict behind its kind: targets or statuses
 */
record SmugglingVector(String name, Kind kind, List<String> words, String template) {
    /** What shall become of it. */
    enum Kind {
        REFUSE,
        FORWARD,
        EITHER,
        BREAK,
        ABANDON,
        TUNNEL
    }

    /** Reads the corpus. */
    static List<SmugglingVector> corpus() throws IOException {
        String text;
        try (InputStream in = SmugglingVector.class.getResourceAsStream("/conformance/smuggling.txt")) {
            text = new String(Objects.requireNonNull(in, "smuggling.txt").readAllBytes(), StandardCharsets.US_ASCII);
        }
        List<SmugglingVector> vectors = new ArrayList<>();
        for (String block : text.split("(?m)^== ")) {
            if (block.startsWith("#") || block.isBlank()) {
                continue;
            }
            String[] lines = block.split("\n");
            String[] title = lines[0].split(" => ");
            List<String> verdict = List.of(title[1].split(" "));
            StringBuilder bytes = new StringBuilder();
            for (int i = 1; i < lines.length; i++) {
                if (!lines[i].startsWith("#")) {
                    bytes.append(unescape(lines[i]));
                }
            }
            Kind kind = Kind.valueOf(verdict.getFirst().toUpperCase(Locale.ROOT));
            vectors.add(new SmugglingVector(title[0], kind, verdict.subList(1, verdict.size()), bytes.toString()));
        }
        return vectors;
    }

    /** The targets that the backend shall see, in order. */
    List<String> targets() {
        return words.stream().filter(word -> word.startsWith("/")).toList();
    }

    /** The body that the backend shall see with a target of {@link #targets}; only the first one has one. */
    String bodyOf(int target, String host) {
        int at = words.indexOf("body");
        if (at < 0 || target > 0) {
            return "";
        }
        String body = words.get(at + 1);
        String bytes = against(host);
        return body.equals("{rest}")
                ? bytes.substring(bytes.indexOf("\r\n\r\n") + 4)
                : body.replace("{smuggled}", smuggled(host));
    }

    private static String smuggled(String host) {
        return "GET /smuggled HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    }

    /** The statuses of which one shall be the refusal. */
    List<Integer> statuses() {
        return words.stream()
                .filter(word -> word.matches("[0-9]{3}"))
                .map(Integer::valueOf)
                .toList();
    }

    /** The bytes against a host. */
    String against(String host) {
        String bytes = template.replace("{host}", host);
        bytes = bytes.replace("{smlen}", Integer.toHexString(smuggled(host).length()));
        int head = bytes.indexOf("\r\n\r\n");
        return bytes.replace("{len}", String.valueOf(head < 0 ? 0 : bytes.length() - head - 4));
    }

    private static String unescape(String line) {
        StringBuilder bytes = new StringBuilder();
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c != '\\') {
                bytes.append(c);
                continue;
            }
            char escape = line.charAt(++i);
            switch (escape) {
                case 'r' -> bytes.append('\r');
                case 'n' -> bytes.append('\n');
                case 't' -> bytes.append('\t');
                case '0' -> bytes.append('\0');
                case 'x' -> {
                    bytes.append((char) Integer.parseInt(line.substring(i + 1, i + 3), 16));
                    i += 2;
                }
                default -> bytes.append(escape);
            }
        }
        return bytes.toString();
    }
}

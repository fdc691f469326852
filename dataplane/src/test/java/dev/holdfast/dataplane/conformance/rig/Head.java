package dev.holdfast.dataplane.conformance.rig;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A message head as it stood on the wire.
 *
 * @param startLine without its line end
 * @param fields in order; names as sent, values without surrounding blanks
 */
public record Head(String startLine, List<Field> fields) {
    /** One field line. */
    public record Field(String name, String value) {}

    /** Parses a head without its empty line, as strictly as RFC 9112 lets a sender write it. */
    static Head parse(String text) throws MalformedMessage {
        String[] lines = text.split("\r\n", -1);
        List<Field> fields = new ArrayList<>();
        for (int i = 1; i < lines.length; i++) {
            String line = lines[i];
            int colon = line.indexOf(':');
            String name = colon < 0 ? "" : line.substring(0, colon);
            if (!name.matches("[!#$%&'*+\\-.^_`|~0-9A-Za-z]+")) {
                throw new MalformedMessage("field line \"" + line + "\"");
            }
            String value = line.substring(colon + 1);
            if (value.chars().anyMatch(c -> c < 0x20 && c != '\t' || c == 0x7f)) {
                throw new MalformedMessage("control character in \"" + line + "\"");
            }
            fields.add(new Field(name, value.strip()));
        }
        return new Head(lines[0], List.copyOf(fields));
    }

    /** Every value of a name, in order; the name is compared without case. */
    public List<String> values(String name) {
        return fields.stream()
                .filter(field -> field.name().equalsIgnoreCase(name))
                .map(Field::value)
                .toList();
    }

    /** Every element of a comma-separated list, in lower case. */
    public List<String> tokens(String name) {
        return values(name).stream()
                .flatMap(value -> List.of(value.split(",")).stream())
                .map(token -> token.strip().toLowerCase(Locale.ROOT))
                .filter(token -> !token.isEmpty())
                .toList();
    }

    /** The only value of a name, or null; an error when there are several. */
    public @Nullable String value(String name) {
        List<String> values = values(name);
        if (values.size() > 1) {
            throw new AssertionError(name + " stands " + values.size() + " times in\n" + this);
        }
        return values.isEmpty() ? null : values.getFirst();
    }

    /** Whether a field of that name is there. */
    public boolean has(String name) {
        return !values(name).isEmpty();
    }

    /** A word of the start line, from 0; empty when it has fewer. */
    public String word(int index) {
        String[] words = startLine.split(" ");
        return index < words.length ? words[index] : "";
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(startLine);
        fields.forEach(
                field -> text.append('\n').append(field.name()).append(": ").append(field.value()));
        return text.toString();
    }
}

package dev.holdfast.operator.snapshot;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.re2j.Pattern;
import dev.holdfast.operator.diagnostic.NearestName;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Problem;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Checks a JSON value against a structural schema of a CustomResourceDefinition, as an API server would: types, enums,
 * patterns, bounds, required fields, unique keys. Used where there is no API server, and where the object is of a newer
 * schema than this program. An explicit null counts as unset. Not thread-safe.
 */
final class SchemaCheck {
    private static final int PROBLEMS_MAX = 16;
    private static final int SHOWN_CHARS_MAX = 80;

    /** The schema's own patterns, compiled once; their number is that of the patterns in the CRD. */
    private static final Map<String, Pattern> PATTERNS = new ConcurrentHashMap<>();

    private final Set<Problem> problems = new TreeSet<>();
    private final Set<Problem> unknownFields = new TreeSet<>();

    /** At most {@value #PROBLEMS_MAX}, sorted. */
    List<Problem> problems() {
        return List.copyOf(problems);
    }

    /** At most {@value #PROBLEMS_MAX}, sorted. */
    List<Problem> unknownFields() {
        return List.copyOf(unknownFields);
    }

    void problem(String path, String message) {
        if (problems.size() < PROBLEMS_MAX) {
            problems.add(new Problem(path, message));
        }
    }

    void unknown(String path, String name, Set<String> known) {
        if (unknownFields.size() < PROBLEMS_MAX) {
            String remedy = NearestName.of(name, known)
                    .map(near -> "did you mean \"" + near + "\"?")
                    .orElseGet(() -> "known here: " + String.join(", ", new TreeSet<>(known)));
            unknownFields.add(new Problem(path, "not known to this version of Holdfast and ignored (" + remedy + ")"));
        }
    }

    void value(String path, JsonNode value, JSONSchemaProps schema) {
        if (Boolean.TRUE.equals(schema.getXKubernetesIntOrString())) {
            if (!value.isTextual() && !value.isIntegralNumber()) {
                problem(path, shown(value) + " (expected: a whole number or a name)");
            } else if (value.isIntegralNumber() && !value.canConvertToInt()) {
                problem(path, shown(value) + " (expected: a number from 1 to 65535)");
            } else if (value.isTextual()) {
                count(path, value.textValue().length(), "characters", schema.getMinLength(), schema.getMaxLength());
            }
            return;
        }
        switch (schema.getType()) {
            case "object" -> object(path, value, schema);
            case "array" -> array(path, value, schema);
            case "string" -> text(path, value, schema);
            case "integer" -> integer(path, value, schema);
            case "boolean" -> {
                if (!value.isBoolean()) {
                    problem(path, shown(value) + " (expected: true or false, without quotes)");
                }
            }
            default -> problem(path, "of a type that cannot be checked: " + schema.getType());
        }
    }

    private void object(String path, JsonNode value, JSONSchemaProps schema) {
        if (!value.isObject()) {
            problem(path, shown(value) + " (expected: an object with fields)");
            return;
        }
        Map<String, JSONSchemaProps> known = schema.getProperties();
        for (String required : schema.getRequired() == null ? List.<String>of() : schema.getRequired()) {
            if (!value.hasNonNull(required)) {
                problem(path + "." + required, "missing (expected: a value; the field is required)");
            }
        }
        for (Map.Entry<String, JsonNode> field : value.properties()) {
            String fieldPath = path + "." + field.getKey();
            JSONSchemaProps fieldSchema = known == null ? null : known.get(field.getKey());
            if (fieldSchema == null) {
                unknown(fieldPath, field.getKey(), known == null ? Set.of() : known.keySet());
            } else if (!field.getValue().isNull()) {
                value(fieldPath, field.getValue(), fieldSchema);
            }
        }
    }

    private void array(String path, JsonNode value, JSONSchemaProps schema) {
        if (!value.isArray()) {
            problem(path, shown(value) + " (expected: a list)");
            return;
        }
        count(path, value.size(), "entries", schema.getMinItems(), schema.getMaxItems());
        JSONSchemaProps items = schema.getItems().getSchema();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < value.size() && problems.size() < PROBLEMS_MAX; i++) {
            JsonNode item = value.get(i);
            String itemPath = path + "[" + i + "]";
            if (item.isNull()) {
                problem(itemPath, "null (expected: a value)");
                continue;
            }
            value(itemPath, item, items);
            if ("set".equals(schema.getXKubernetesListType()) && !seen.add(item.toString())) {
                problem(itemPath, shown(item) + " stands in the list twice (expected: once; remove one)");
            }
            List<String> keys = schema.getXKubernetesListMapKeys();
            if (keys != null && !keys.isEmpty()) {
                String key =
                        keys.stream().map(name -> item.path(name).toString()).collect(Collectors.joining(" "));
                if (!seen.add(key)) {
                    problem(
                            itemPath + "." + keys.getFirst(),
                            key + " stands in the list twice (expected: once; remove one)");
                }
            }
        }
    }

    private void text(String path, JsonNode value, JSONSchemaProps schema) {
        if (!value.isTextual()) {
            problem(path, shown(value) + " (expected: text; put it in quotes)");
            return;
        }
        String text = value.textValue();
        List<String> allowed = schema.getEnum() == null
                ? List.of()
                : schema.getEnum().stream().map(JsonNode::asText).toList();
        if (!allowed.isEmpty()) {
            if (!allowed.contains(text)) {
                String near = NearestName.of(text, allowed)
                        .map(name -> "; did you mean \"" + name + "\"?")
                        .orElse("");
                problem(path, shown(value) + " (expected: one of " + String.join(", ", allowed) + near + ")");
            }
            return;
        }
        count(path, text.codePointCount(0, text.length()), "characters", schema.getMinLength(), schema.getMaxLength());
        String pattern = schema.getPattern();
        if (pattern != null
                && !PATTERNS.computeIfAbsent(pattern, Pattern::compile)
                        .matcher(text)
                        .find()) {
            problem(path, shown(value) + " (expected: " + meaning(pattern) + ")");
        }
    }

    private static String meaning(String pattern) {
        if (pattern.contains("(h|m|s|ms)")) {
            return "a duration such as 500ms, 30s, 10m or 1h30m";
        }
        if (pattern.startsWith("^[A-Za-z0-9!#$%&")) {
            return "letters, digits and !#$%&'*+-.^_`|~ only, as in a header name";
        }
        return "to match " + pattern;
    }

    private void integer(String path, JsonNode value, JSONSchemaProps schema) {
        if (!value.isIntegralNumber()) {
            problem(path, shown(value) + " (expected: a whole number, without quotes)");
            return;
        }
        Double minimum = schema.getMinimum();
        Double maximum = schema.getMaximum();
        double number = value.doubleValue();
        boolean fits = "int64".equals(schema.getFormat()) ? value.canConvertToLong() : value.canConvertToInt();
        if (!fits || minimum != null && number < minimum || maximum != null && number > maximum) {
            problem(
                    path,
                    shown(value) + " (expected: a whole number"
                            + (minimum == null ? "" : " from " + minimum.longValue())
                            + (maximum == null ? "" : " to " + maximum.longValue()) + ")");
        }
    }

    private void count(String path, int count, String unit, @Nullable Long min, @Nullable Long max) {
        if (min != null && count < min) {
            problem(
                    path,
                    count == 0
                            ? "empty (expected: at least " + min + ")"
                            : count + " " + unit + " (expected: at least " + min + ")");
        } else if (max != null && count > max) {
            problem(path, count + " " + unit + " (expected: at most " + max + ")");
        }
    }

    /** The value as a person wrote it, cut. */
    private static String shown(JsonNode value) {
        if (value.isObject()) {
            return "an object";
        }
        if (value.isArray()) {
            return "a list";
        }
        String text = value.toString();
        return text.length() <= SHOWN_CHARS_MAX ? text : text.substring(0, SHOWN_CHARS_MAX) + "…";
    }
}

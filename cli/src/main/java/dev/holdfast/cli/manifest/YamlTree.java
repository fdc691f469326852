package dev.holdfast.cli.manifest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.constructor.StandardConstructor;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.ComposerException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/** YAML as JSON, bounded: aliases cannot blow a small file up, nor a nest overflow the stack. */
final class YamlTree {
    private static final int DEPTH_MAX = 64;
    private static final int VALUES_MAX = 1_000_000;
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final LoadSettings settings = LoadSettings.builder()
            .setSchema(new CoreSchema())
            .setAllowDuplicateKeys(false)
            .setMaxAliasesForCollections(100)
            .setCodePointLimit(ManifestTree.FILE_BYTES_MAX)
            .build();

    /**
     * One document.
     *
     * @param line where it begins in the text, from 1
     */
    record Tree(JsonNode json, int line) {}

    /**
     * Reads every document of a text.
     *
     * @throws YamlEngineException if one is not YAML, or beyond a bound
     */
    List<Tree> read(String text) {
        List<Tree> trees = new ArrayList<>();
        int line = firstContentLine(text);
        Composer composer = composer(text);
        StandardConstructor constructor = new StandardConstructor(settings);
        while (composer.hasNext()) {
            Object value = constructor.constructSingleDocument(Optional.of(composer.next()));
            trees.add(new Tree(new Conversion().json(value, 0), line));
        }
        return trees;
    }

    /** The line, from 1, of the field with that path (names and indexes) or of its nearest parent that is there. */
    int lineOf(String text, List<Object> path) {
        try {
            Optional<Node> root = composer(text).getSingleNode();
            Node at = root.orElse(null);
            int line = at == null ? 1 : line(at);
            for (Object step : path) {
                at = at == null ? null : child(at, step);
                line = at == null ? line : line(at);
            }
            return line;
        } catch (YamlEngineException e) {
            return 1;
        }
    }

    private Composer composer(String text) {
        return new BoundedComposer(settings, text);
    }

    private static @Nullable Node child(Node parent, Object step) {
        if (parent instanceof SequenceNode sequence && step instanceof Integer index) {
            return index < sequence.getValue().size() ? sequence.getValue().get(index) : null;
        }
        if (parent instanceof MappingNode mapping) {
            for (NodeTuple entry : mapping.getValue()) {
                if (entry.getKeyNode() instanceof ScalarNode key
                        && key.getValue().equals(step)) {
                    return entry.getValueNode();
                }
            }
        }
        return null;
    }

    private static int line(Node node) {
        return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
    }

    /** Behind the marker, blank lines and comments. */
    private static int firstContentLine(String text) {
        int line = 1;
        for (String content : (Iterable<String>) text.lines()::iterator) {
            String stripped = content.strip();
            if (!stripped.isEmpty() && !stripped.startsWith("#") && !stripped.equals("---")) {
                return line;
            }
            line++;
        }
        return 1;
    }

    /** The library composes by recursion, so a nest must end before it, not in {@link Conversion}. */
    private static final class BoundedParser extends ParserImpl {
        private int depth;

        BoundedParser(LoadSettings settings, String text) {
            super(settings, new StreamReader(settings, text));
        }

        @Override
        public Event next() {
            Event event = super.next();
            switch (event.getEventId()) {
                case SequenceStart, MappingStart -> {
                    if (++depth > DEPTH_MAX + 1) {
                        throw tooDeep();
                    }
                }
                case SequenceEnd, MappingEnd -> depth--;
                default -> {
                    // A scalar, an alias or a mark of the stream.
                }
            }
            return event;
        }
    }

    /** A mapping that is merged before it is complete, into itself that is, would be merged for ever. */
    private static final class BoundedComposer extends Composer {
        BoundedComposer(LoadSettings settings, String text) {
            super(settings, new BoundedParser(settings, text));
        }

        @Override
        protected MappingNode asMappingNode(Node node) {
            MappingNode mapping = super.asMappingNode(node);
            if (mapping.hasMergeTag()) {
                throw new ComposerException(
                        "<< of a mapping into itself (expected: one that is complete)", mapping.getStartMark());
            }
            return mapping;
        }
    }

    private static YamlEngineException tooDeep() {
        return new YamlEngineException("nested more than " + DEPTH_MAX + " levels deep (expected: a manifest)");
    }

    private static final class Conversion {
        private int values;

        private JsonNode json(@Nullable Object value, int depth) {
            if (depth > DEPTH_MAX) {
                throw tooDeep();
            }
            if (++values > VALUES_MAX) {
                throw new YamlEngineException("more than " + VALUES_MAX + " values (expected: a manifest)");
            }
            return switch (value) {
                case null -> NODES.nullNode();
                case Map<?, ?> map -> object(map, depth);
                case Iterable<?> list -> array(list, depth);
                case String text -> NODES.textNode(text);
                case Boolean flag -> NODES.booleanNode(flag);
                case Integer number -> NODES.numberNode(number);
                case Long number -> NODES.numberNode(number);
                case BigInteger number -> NODES.numberNode(number);
                case Double number -> NODES.numberNode(number);
                case byte[] bytes -> NODES.textNode(Base64.getEncoder().encodeToString(bytes));
                default -> NODES.textNode(String.valueOf(value));
            };
        }

        private ObjectNode object(Map<?, ?> map, int depth) {
            ObjectNode object = NODES.objectNode();
            map.forEach((key, value) -> object.set(String.valueOf(key), json(value, depth + 1)));
            return object;
        }

        private ArrayNode array(Iterable<?> list, int depth) {
            ArrayNode array = NODES.arrayNode();
            list.forEach(value -> array.add(json(value, depth + 1)));
            return array;
        }
    }
}

package dev.holdfast.cli.manifest;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One file, read. Either all of its documents are sound and it has objects, or it has a problem and none: half a file is
 * nobody's intent. Documents that did not change since the last reading are not parsed again.
 *
 * @param problem the first one; null when the file is sound
 */
record ManifestFile(List<ManifestObject> objects, @Nullable ParseProblem problem, Map<String, Document> documents) {
    static final ManifestFile EMPTY = new ManifestFile(List.of(), null, Map.of());

    /** One YAML or JSON document, by its text; lines are relative to it. */
    record Document(List<ManifestObject> objects, @Nullable ParseProblem problem) {}

    /**
     * Reads {@code bytes}.
     *
     * @param before the last reading of the same file
     */
    static ManifestFile read(String name, byte[] bytes, ManifestFile before, DocumentReader reader) {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            return broken(new ParseProblem(1, "not UTF-8 text (expected: a manifest in YAML or JSON)"));
        }
        Map<String, Document> documents = new HashMap<>();
        List<ManifestObject> objects = new ArrayList<>();
        ParseProblem problem = null;
        boolean json = name.endsWith(".json");
        for (Chunk chunk : json ? List.of(new Chunk(text, 0)) : chunks(text)) {
            Document known = before.documents.get(chunk.text);
            Document document = known != null ? known : json ? reader.json(chunk.text) : reader.yaml(chunk.text);
            documents.put(chunk.text, document);
            document.objects.forEach(object -> objects.add(object.below(chunk.linesBefore)));
            if (document.problem != null && problem == null) {
                problem = new ParseProblem(document.problem.line() + chunk.linesBefore, document.problem.reason());
            }
        }
        return problem == null
                ? new ManifestFile(List.copyOf(objects), null, documents)
                : new ManifestFile(List.of(), problem, documents);
    }

    static ManifestFile broken(ParseProblem problem) {
        return new ManifestFile(List.of(), problem, Map.of());
    }

    private record Chunk(String text, int linesBefore) {}

    /**
     * Cuts at the lines that begin with {@code ---}: nothing but a document marker can (YAML 1.2.2, c-forbidden). A file
     * with directives stays whole, for they belong to the document behind the marker.
     */
    private static List<Chunk> chunks(String text) {
        if (text.startsWith("%") || text.contains("\n%")) {
            return List.of(new Chunk(text, 0));
        }
        List<Chunk> chunks = new ArrayList<>();
        int start = 0;
        int line = 0;
        int startLine = 0;
        int at = 0;
        while (at < text.length()) {
            int end = text.indexOf('\n', at);
            int next = end < 0 ? text.length() : end + 1;
            if (at > start && isMarker(text, at)) {
                chunks.add(new Chunk(text.substring(start, at), startLine));
                start = at;
                startLine = line;
            }
            at = next;
            line++;
        }
        chunks.add(new Chunk(text.substring(start), startLine));
        return chunks;
    }

    private static boolean isMarker(String text, int at) {
        return text.startsWith("---", at) && (at + 3 == text.length() || Character.isWhitespace(text.charAt(at + 3)));
    }
}

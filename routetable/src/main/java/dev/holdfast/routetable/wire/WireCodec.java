package dev.holdfast.routetable.wire;

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.InvalidTypeIdException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.AnnotatedField;
import com.fasterxml.jackson.databind.introspect.AnnotatedMember;
import com.fasterxml.jackson.databind.introspect.AnnotatedParameter;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.databind.type.LogicalType;
import dev.holdfast.routetable.Bounds;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.ValueMatch;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.Executable;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * JSON of the table stream, version 1 ({@code docs/wire-protocol.md}). The order of fields is that of the record
 * components and maps are sorted, so that equal values have equal bytes. Reading is strict: a missing field, a duplicate
 * or a value beyond its bound refuses the whole update, and so does an unknown field of a table, because a limit that is
 * silently ignored is a hole. An unknown field of the envelope around a table is skipped: the digest shows that the table
 * is whole without it. Thread-safe.
 */
public final class WireCodec {
    /** Largest update that is read, in bytes. */
    public static final int UPDATE_BYTES_MAX = 256 << 20;

    /** Largest report that is read, in bytes. */
    public static final int REPORT_BYTES_MAX = 16 << 10;

    /** What carries a table or speaks of one, and is no part of it. */
    private static final List<Class<?>> ENVELOPE = List.of(
            TableUpdate.FullTable.class,
            TableUpdate.TableDelta.class,
            TableUpdate.KeepAlive.class,
            TableVersion.class,
            ApplyReport.class,
            ApplyOutcome.Applied.class,
            ApplyOutcome.Unchanged.class,
            ApplyOutcome.NeedsFullTable.class,
            ApplyOutcome.Refused.class);

    private static final ObjectMapper JSON =
            mapper(secret -> Base64.getEncoder().encodeToString(secret.reveal()));

    private static final ObjectMapper REDACTED = mapper(SecretBytes::toString)
            .addMixIn(HeaderChanges.Header.class, RedactedValue.class)
            .addMixIn(ValueMatch.class, RedactedValue.class);

    private static final String INVALID = "not a valid ";

    private WireCodec() {}

    /** One update as one line of JSON, UTF-8, without a line break. */
    public static byte[] encode(TableUpdate update) {
        return write(JSON, update);
    }

    /** Writes what {@link #encode(TableUpdate)} returns; leaves {@code out} open. */
    public static void encode(TableUpdate update, OutputStream out) throws IOException {
        JSON.writer().without(JsonGenerator.Feature.AUTO_CLOSE_TARGET).writeValue(out, update);
    }

    /**
     * An update for people to read: the same JSON with every key redacted, and the values of headers and query parameters,
     * which may be credentials. It cannot be decoded.
     */
    public static byte[] encodeRedacted(TableUpdate update) {
        return write(REDACTED, update);
    }

    /** One report as JSON, UTF-8. */
    public static byte[] encode(ApplyReport report) {
        return write(JSON, report);
    }

    /**
     * Reads what {@link #encode(TableUpdate)} wrote.
     *
     * @throws WireException if the bytes are no valid update
     */
    public static TableUpdate decodeUpdate(byte[] json) throws WireException {
        return read(json, UPDATE_BYTES_MAX, TableUpdate.class);
    }

    /**
     * The same, without the whole document in memory: a table is read as its bytes come. Closes {@code json}.
     *
     * @throws WireException if the bytes are no valid update
     * @throws IOException if they cannot be had
     */
    public static TableUpdate decodeUpdate(InputStream json) throws WireException, IOException {
        return read(() -> JSON.readValue(json, TableUpdate.class));
    }

    /**
     * Reads what {@link #encode(ApplyReport)} wrote.
     *
     * @throws WireException if the bytes are no valid report
     */
    public static ApplyReport decodeReport(byte[] json) throws WireException {
        return read(json, REPORT_BYTES_MAX, ApplyReport.class);
    }

    /** The canonical bytes of one entry of a table; equal entries have equal bytes. */
    static byte[] canonical(Record entry) {
        return write(JSON, entry);
    }

    private static byte[] write(ObjectMapper mapper, Object value) {
        try {
            return mapper.writeValueAsBytes(value);
        } catch (JacksonException e) {
            throw new UncheckedIOException("a valid " + value.getClass().getSimpleName() + " cannot be encoded", e);
        }
    }

    private static <T> T read(byte[] json, int bytesMax, Class<T> type) throws WireException {
        if (json.length > bytesMax) {
            throw new WireException("document: " + json.length + " bytes (expected: at most " + bytesMax + ")");
        }
        try {
            return read(() -> JSON.readValue(json, type));
        } catch (IOException e) {
            throw new UncheckedIOException("an array is never unreadable", e);
        }
    }

    private interface Reading<T> {
        @Nullable
        T value() throws IOException;
    }

    private static <T> T read(Reading<T> reading) throws WireException, IOException {
        try {
            T value = reading.value();
            if (value == null) {
                throw new WireException("document: null (expected: an object)");
            }
            return value;
        } catch (JsonMappingException e) {
            // Lists and maps wrap whatever their entries throw.
            if (e.getCause() instanceof IOException unread
                    && !(unread instanceof JacksonException)
                    && !(unread instanceof CharConversionException)) {
                throw unread;
            }
            throw new WireException(where(e) + ": " + what(e));
        } catch (JacksonException e) {
            // The parser's own message quotes what it read, which may be a part of a key.
            long at = e.getLocation() == null ? -1 : e.getLocation().getByteOffset();
            throw new WireException("document: not JSON within its bounds, at byte " + at);
        } catch (CharConversionException e) {
            // The parser takes some bytes for UTF-16 or UTF-32 before it finds that they are neither.
            throw new WireException("document: not text (expected: JSON in UTF-8)");
        }
    }

    private static String where(JsonMappingException e) {
        StringBuilder path = new StringBuilder();
        for (JsonMappingException.Reference step : e.getPath()) {
            String name = step.getFieldName();
            path.append(name == null ? "[" + step.getIndex() + "]" : path.isEmpty() ? name : "." + name);
        }
        return path.isEmpty() ? "document" : path.toString();
    }

    /** What is wrong, in words that never repeat a value: it may be a secret in the wrong place. */
    private static String what(JsonMappingException e) {
        if (e.getCause() instanceof IllegalArgumentException rule) {
            return withoutValues(String.valueOf(rule.getMessage()));
        }
        String message = e.getOriginalMessage();
        if (e instanceof UnrecognizedPropertyException) {
            return "unknown field (expected: those of version 1)";
        }
        if (e instanceof InvalidTypeIdException unknown && unknown.getTypeId() != null) {
            return "unknown type (expected: one of version 1)";
        }
        if (e instanceof InvalidFormatException format
                && format.getTargetType() != null
                && format.getTargetType().isEnum()) {
            return "unknown value (expected: one of version 1, "
                    + Arrays.toString(format.getTargetType().getEnumConstants()) + ")";
        }
        if (message.startsWith("Missing required creator property") || message.startsWith("Missing type id")) {
            return "a field is missing: " + message.replaceAll("[^']*'([^']*)'.*", "$1");
        }
        return message.startsWith(INVALID) ? message : "a value of the wrong type";
    }

    private static String withoutValues(String message) {
        int expected = message.indexOf(" (expected:");
        int end = expected < 0 ? message.length() : expected;
        return message.substring(0, end).replaceAll("\"[^\"]*\"?", "\"…\"") + message.substring(end);
    }

    private static ObjectMapper mapper(Function<SecretBytes, String> secrets) {
        JsonMapper.Builder builder = JsonMapper.builder(JsonFactory.builder()
                        .streamReadConstraints(StreamReadConstraints.builder()
                                .maxNestingDepth(32)
                                .maxStringLength(Bounds.PEM_CHARS_MAX * 2)
                                .maxNameLength(Bounds.ID_CHARS_MAX)
                                .maxDocumentLength(UPDATE_BYTES_MAX)
                                .build())
                        // Interning every key of a table would fill the JVM's symbol table with names of one tenant.
                        .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                        .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                        .build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                .annotationIntrospector(new RequiredComponents())
                .visibility(PropertyAccessor.ALL, Visibility.NONE)
                .visibility(PropertyAccessor.FIELD, Visibility.ANY)
                .visibility(PropertyAccessor.CREATOR, Visibility.ANY)
                .defaultPropertyInclusion(
                        JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
                .addModule(scalars(secrets))
                .addMixIn(RouteAction.class, RouteActionTypes.class)
                .addMixIn(Rewrite.Path.class, RewritePathTypes.class)
                .addMixIn(TableUpdate.class, TableUpdateTypes.class)
                .addMixIn(ApplyOutcome.class, ApplyOutcomeTypes.class);
        ENVELOPE.forEach(type -> builder.addMixIn(type, Envelope.class));
        for (CoercionInputShape shape : CoercionInputShape.values()) {
            if (shape != CoercionInputShape.String && shape != CoercionInputShape.Integer) {
                builder.withCoercionConfigDefaults(config -> config.setCoercion(shape, CoercionAction.Fail));
            }
            if (shape != CoercionInputShape.String && shape != CoercionInputShape.EmptyString) {
                builder.withCoercionConfig(
                        LogicalType.Textual, config -> config.setCoercion(shape, CoercionAction.Fail));
            }
        }
        return builder.build();
    }

    private static SimpleModule scalars(Function<SecretBytes, String> secrets) {
        SimpleModule module = new SimpleModule("holdfast-scalars");
        module.setDeserializerModifier(new SharedValues());
        scalar(module, Duration.class, Duration::toString, Duration::parse);
        scalar(module, HostPattern.class, HostPattern::value, HostPattern::new);
        scalar(
                module,
                SecretBytes.class,
                secrets,
                text -> SecretBytes.of(Base64.getDecoder().decode(text)));
        return module;
    }

    private static <T> void scalar(
            SimpleModule module, Class<T> type, Function<T, String> print, Function<String, T> parse) {
        module.addSerializer(type, new StdSerializer<>(type) {
            private static final long serialVersionUID = 1L;

            @Override
            public void serialize(T value, JsonGenerator out, SerializerProvider provider) throws IOException {
                out.writeString(print.apply(value));
            }
        });
        module.addDeserializer(type, new StdDeserializer<>(type) {
            private static final long serialVersionUID = 1L;

            @Override
            public T deserialize(JsonParser in, DeserializationContext context) throws IOException {
                if (!in.hasToken(JsonToken.VALUE_STRING)) {
                    throw JsonMappingException.from(in, INVALID + type.getSimpleName());
                }
                try {
                    return parse.apply(in.getText());
                } catch (IllegalArgumentException | java.time.DateTimeException e) {
                    // The text itself may be a secret: the message of a scalar never repeats it.
                    throw JsonMappingException.from(in, INVALID + type.getSimpleName());
                }
            }
        });
    }

    /** Every component of a record must be there, unless its type says that it may be null. */
    private static final class RequiredComponents extends JacksonAnnotationIntrospector {
        private static final long serialVersionUID = 1L;

        @Override
        public Boolean hasRequiredMarker(AnnotatedMember member) {
            return isRequired(member);
        }

        @Override
        public JsonSetter.Value findSetterInfo(Annotated member) {
            return isRequired(member) ? JsonSetter.Value.forValueNulls(Nulls.FAIL) : super.findSetterInfo(member);
        }

        private static boolean isRequired(Annotated member) {
            return switch (member) {
                case AnnotatedParameter parameter
                when parameter.getOwner().getAnnotated() instanceof Executable creator ->
                    !isNullable(creator.getAnnotatedParameterTypes()[parameter.getIndex()]);
                case AnnotatedField field -> !isNullable(field.getAnnotated().getAnnotatedType());
                default -> false;
            };
        }

        private static boolean isNullable(AnnotatedType type) {
            return type.isAnnotationPresent(Nullable.class);
        }
    }

    @JsonIgnoreProperties(ignoreUnknown = true)
    private interface Envelope {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = RouteAction.Forward.class, name = "forward"),
        @JsonSubTypes.Type(value = RouteAction.Reject.class, name = "reject")
    })
    private interface RouteActionTypes {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = Rewrite.Keep.class, name = "keep"),
        @JsonSubTypes.Type(value = Rewrite.ReplacePrefix.class, name = "replacePrefix"),
        @JsonSubTypes.Type(value = Rewrite.ReplaceFull.class, name = "replaceFull")
    })
    private interface RewritePathTypes {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = TableUpdate.FullTable.class, name = "full"),
        @JsonSubTypes.Type(value = TableUpdate.TableDelta.class, name = "delta"),
        @JsonSubTypes.Type(value = TableUpdate.KeepAlive.class, name = "keepAlive")
    })
    private interface TableUpdateTypes {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = ApplyOutcome.Applied.class, name = "applied"),
        @JsonSubTypes.Type(value = ApplyOutcome.Unchanged.class, name = "unchanged"),
        @JsonSubTypes.Type(value = ApplyOutcome.NeedsFullTable.class, name = "needsFullTable"),
        @JsonSubTypes.Type(value = ApplyOutcome.Refused.class, name = "refused")
    })
    private interface ApplyOutcomeTypes {}

    /** Of a record whose {@code value} may be a credential: an {@code Authorization} that a route sets, for instance. */
    private interface RedactedValue {
        @JsonProperty("value")
        @JsonSerialize(using = Redaction.class)
        String value();
    }

    private static final class Redaction extends StdSerializer<String> {
        private static final long serialVersionUID = 1L;

        Redaction() {
            super(String.class);
        }

        @Override
        public void serialize(String value, JsonGenerator out, SerializerProvider provider) throws IOException {
            out.writeString(SecretBytes.REDACTED);
        }
    }
}

package dev.holdfast.routetable.wire;

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import dev.holdfast.routetable.Bounds;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Base64;
import java.util.function.Function;

/**
 * JSON of the table stream, version 1 ({@code docs/wire-protocol.md}). The order of fields is that of the record
 * components and maps are sorted, so that equal values have equal bytes. Reading is strict: an unknown field, a missing
 * one, a duplicate or a value beyond its bound refuses the whole update, because a limit that is silently ignored is a
 * hole. Thread-safe.
 */
public final class WireCodec {
    /** Largest update that is read, in bytes. */
    public static final int UPDATE_BYTES_MAX = 256 << 20;

    /** Largest report that is read, in bytes. */
    public static final int REPORT_BYTES_MAX = 16 << 10;

    private static final ObjectMapper JSON =
            mapper(secret -> Base64.getEncoder().encodeToString(secret.reveal()));

    private static final ObjectMapper REDACTED = mapper(SecretBytes::toString);

    private WireCodec() {}

    /** One update as one line of JSON, UTF-8, without a line break. */
    public static byte[] encode(TableUpdate update) {
        return write(JSON, update);
    }

    /** Writes what {@link #encode(TableUpdate)} returns; leaves {@code out} open. */
    public static void encode(TableUpdate update, OutputStream out) throws IOException {
        JSON.writer().without(JsonGenerator.Feature.AUTO_CLOSE_TARGET).writeValue(out, update);
    }

    /** An update for people to read: the same JSON with every secret redacted. It cannot be decoded. */
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
        return read(json, TableUpdate.class);
    }

    /**
     * Reads what {@link #encode(ApplyReport)} wrote.
     *
     * @throws WireException if the bytes are no valid report
     */
    public static ApplyReport decodeReport(byte[] json) throws WireException {
        return read(json, ApplyReport.class);
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

    private static <T> T read(byte[] json, Class<T> type) throws WireException {
        try {
            T value = JSON.readValue(json, type);
            if (value == null) {
                throw new WireException("the document is null (expected: an object)", new NullPointerException());
            }
            return value;
        } catch (JsonMappingException e) {
            Throwable cause = e.getCause() instanceof IllegalArgumentException ? e.getCause() : e;
            String where = e.getPathReference().replaceAll("\\w+(\\.\\w+)*\\.", "");
            throw new WireException(where + ": " + firstLine(cause), e);
        } catch (IOException e) {
            throw new WireException("not JSON of the table stream: " + firstLine(e), e);
        }
    }

    private static String firstLine(Throwable e) {
        String message = e instanceof JacksonException json ? json.getOriginalMessage() : e.getMessage();
        return message == null
                ? e.getClass().getSimpleName()
                : message.lines().findFirst().orElse("");
    }

    private static ObjectMapper mapper(Function<SecretBytes, String> secrets) {
        return JsonMapper.builder(JsonFactory.builder()
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
            .visibility(PropertyAccessor.ALL, Visibility.NONE)
            .visibility(PropertyAccessor.FIELD, Visibility.ANY)
            .visibility(PropertyAccessor.CREATOR, Visibility.ANY)
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
            .addModule(scalars(secrets))
            .addMixIn(RouteAction.class, RouteActionTypes.class)
            .addMixIn(Rewrite.Path.class, RewritePathTypes.class)
            .addMixIn(TableUpdate.class, TableUpdateTypes.class)
            .addMixIn(ApplyOutcome.class, ApplyOutcomeTypes.class)
            .build();
    }

    private static SimpleModule scalars(Function<SecretBytes, String> secrets) {
        SimpleModule module = new SimpleModule("holdfast-scalars");
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
                String text = in.getValueAsString();
                if (text == null) {
                    throw JsonMappingException.from(in, "not a text");
                }
                try {
                    return parse.apply(text);
                } catch (IllegalArgumentException | java.time.DateTimeException e) {
                    // The text itself may be a secret: the message of a scalar never repeats it.
                    throw JsonMappingException.from(in, "not a valid " + type.getSimpleName());
                }
            }
        });
    }

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
}

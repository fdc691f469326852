package dev.holdfast.dataplane.trace;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The fields of one protobuf message by number: varints and fixed ones as numbers, the others as bytes. */
final class ProtobufReader {
    private final Map<Integer, List<Object>> fields = new HashMap<>();

    private ProtobufReader(ByteBuffer in) {
        in.order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
            long tag = varint(in);
            Object value = switch ((int) tag & 7) {
                case 0 -> varint(in);
                case 1 -> in.getLong();
                case 2 -> {
                    byte[] bytes = new byte[(int) varint(in)];
                    in.get(bytes);
                    yield bytes;
                }
                case 5 -> (long) in.getInt();
                default -> throw new IllegalArgumentException("wire type of tag " + tag);
            };
            fields.computeIfAbsent((int) (tag >>> 3), number -> new ArrayList<>())
                    .add(value);
        }
    }

    static ProtobufReader of(byte[] message) {
        return new ProtobufReader(ByteBuffer.wrap(message));
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte octet = in.get();
            value |= (long) (octet & 0x7f) << shift;
            if (octet >= 0) {
                return value;
            }
        }
    }

    boolean has(int field) {
        return fields.containsKey(field);
    }

    List<ProtobufReader> messages(int field) {
        return fields.getOrDefault(field, List.of()).stream()
                .map(bytes -> of((byte[]) bytes))
                .toList();
    }

    String text(int field) {
        return new String(bytes(field), StandardCharsets.UTF_8);
    }

    String hex(int field) {
        return Collector.hex(bytes(field));
    }

    long number(int field) {
        return last(field) instanceof Long value ? value : 0;
    }

    private byte[] bytes(int field) {
        return last(field) instanceof byte[] value ? value : new byte[0];
    }

    /** Of a field that stands more than once the last counts; {@code false} without any. */
    private Object last(int field) {
        List<Object> values = fields.getOrDefault(field, List.of());
        return values.isEmpty() ? false : values.getLast();
    }
}

package dev.holdfast.operator.publish;

import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.wire.WireCodec;

/** An update and its bytes, made once and shared by every stream; nobody changes the array. */
@SuppressWarnings("ArrayRecordComponent")
record EncodedUpdate(TableUpdate update, byte[] json) {
    static EncodedUpdate of(TableUpdate update) {
        return new EncodedUpdate(update, WireCodec.encode(update));
    }

    /** The name of the event on the stream; equals the {@code type} in the document. */
    String event() {
        return switch (update) {
            case TableUpdate.FullTable full -> "full";
            case TableUpdate.TableDelta delta -> "delta";
            case TableUpdate.KeepAlive keepAlive -> "keepAlive";
        };
    }
}

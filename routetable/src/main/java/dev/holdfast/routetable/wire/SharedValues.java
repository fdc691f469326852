package dev.holdfast.routetable.wire;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.deser.BeanDeserializerModifier;
import com.fasterxml.jackson.databind.deser.std.DelegatingDeserializer;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.ValueMatch;
import java.io.IOException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes equal parts of one document one object. The routes of an Ingress differ in little more than their host, and each
 * carries its whole action on the wire: read as it is written, a large table would take several times the memory that it
 * has in the operator, which shares them from the start.
 */
final class SharedValues extends BeanDeserializerModifier {
    private static final long serialVersionUID = 1L;

    private static final Set<Class<?>> SHARED = Set.of(
            Route.Owner.class,
            RouteMatch.class,
            PathMatch.class,
            ValueMatch.class,
            RouteAction.Forward.class,
            RouteAction.Reject.class,
            RouteAction.WeightedUpstream.class,
            Rewrite.class,
            BackendTls.class,
            HeaderChanges.class,
            Timeouts.class);

    @Override
    public JsonDeserializer<?> modifyDeserializer(
            DeserializationConfig config, BeanDescription description, JsonDeserializer<?> deserializer) {
        return SHARED.contains(description.getBeanClass()) ? new Sharing(deserializer) : deserializer;
    }

    /** The values that were read last, each at the place of its hash: as much as neighbours need, and never more. */
    private static final class Recent {
        private static final int PLACES = 1 << 12;

        private final @Nullable Object[] values = new Object[PLACES];

        Object one(Object value) {
            int hash = value.hashCode();
            int place = (hash ^ hash >>> 16) & PLACES - 1;
            Object known = values[place];
            if (known != null && known.equals(value)) {
                return known;
            }
            values[place] = value;
            return value;
        }
    }

    private static final class Sharing extends DelegatingDeserializer {
        private static final long serialVersionUID = 1L;

        Sharing(JsonDeserializer<?> reader) {
            super(reader);
        }

        @Override
        protected JsonDeserializer<?> newDelegatingInstance(JsonDeserializer<?> reader) {
            return new Sharing(reader);
        }

        @Override
        public @Nullable Object deserialize(JsonParser in, DeserializationContext context) throws IOException {
            Object value = super.deserialize(in, context);
            if (value == null) {
                return value;
            }
            Recent recent = (Recent) context.getAttribute(Recent.class);
            if (recent == null) {
                recent = new Recent();
                context.setAttribute(Recent.class, recent);
            }
            return recent.one(value);
        }
    }
}

package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.HostPattern;

/** A host that shall be served with the certificate of a Secret. */
public record TlsIntent(HostPattern host, ResourceRef secret, String fieldPath) {}

package dev.holdfast.operator.snapshot;

import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;

/** The schema of {@code WebSocketRoute.spec} as the API server has it, so that schema and check cannot drift. */
final class RouteSchema {
    private static final String RESOURCE = "/META-INF/fabric8/websocketroutes.holdfast.dev-v1.yml";

    /** The schema of {@code spec}. */
    static final JSONSchemaProps SPEC = load();

    private RouteSchema() {}

    private static JSONSchemaProps load() {
        try (InputStream yaml = RouteSchema.class.getResourceAsStream(RESOURCE)) {
            if (yaml == null) {
                throw new IllegalStateException(RESOURCE + ": not on the class path (expected: from the module crds)");
            }
            CustomResourceDefinition crd =
                    new KubernetesSerialization().unmarshal(yaml, CustomResourceDefinition.class);
            return Objects.requireNonNull(
                    crd.getSpec()
                            .getVersions()
                            .getFirst()
                            .getSchema()
                            .getOpenAPIV3Schema()
                            .getProperties()
                            .get("spec"),
                    "the CRD has a schema of spec");
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE + " cannot be read", e);
        }
    }
}

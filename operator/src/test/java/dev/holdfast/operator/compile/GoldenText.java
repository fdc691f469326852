package dev.holdfast.operator.compile;

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.Timeouts;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A compile result as YAML for people: keys redacted, certificates by subject, defaults left out. */
final class GoldenText {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .visibility(PropertyAccessor.ALL, Visibility.NONE)
            .visibility(PropertyAccessor.FIELD, Visibility.ANY)
            .addModule(new SimpleModule()
                    .addSerializer(text(HostPattern.class))
                    .addSerializer(text(SecretBytes.class))
                    .addSerializer(text(Duration.class)))
            .build();

    private GoldenText() {}

    static String table(RouteTable table) {
        ObjectNode root = JSON.createObjectNode();
        ObjectNode hosts = root.putObject("hosts");
        table.virtualHosts().forEach((name, host) -> {
            ObjectNode node = hosts.putObject(name);
            node.put("certificate", host.certificate());
            ArrayNode routes = node.putArray("routes");
            host.routes().forEach(route -> {
                ObjectNode entry = JSON.valueToTree(route);
                entry.remove("owner");
                entry.set("action", action(route.action()));
                routes.add(entry);
            });
        });
        ObjectNode upstreams = root.putObject("upstreams");
        table.upstreams().forEach((id, upstream) -> {
            ObjectNode entry = JSON.valueToTree(upstream);
            entry.remove("id");
            upstreams.set(id, entry);
        });
        ObjectNode endpoints = root.putObject("endpoints");
        table.endpoints().forEach((id, group) -> {
            ArrayNode list = endpoints.putArray(id);
            group.endpoints()
                    .forEach(endpoint -> list.add(endpoint.address() + " " + endpoint.port() + " "
                            + endpoint.state()
                            + (endpoint.zone() == null ? "" : " zone " + endpoint.zone())
                            + (endpoint.forZones().isEmpty() ? "" : " for " + String.join(",", endpoint.forZones()))));
        });
        ObjectNode certificates = root.putObject("certificates");
        table.certificates()
                .forEach((id, certificate) -> certificates
                        .putObject(id)
                        .put("chain", subjects(certificate.chainPem()))
                        .put("key", certificate.keyPem().toString()));
        StringBuilder out = new StringBuilder();
        write(root, "", out);
        return out.toString().strip() + "\n";
    }

    static String diagnostics(CompileResult result) {
        StringBuilder out = new StringBuilder("diagnostics:");
        out.append(result.diagnostics().isEmpty() ? " []\n" : "\n");
        for (Diagnostic diagnostic : result.diagnostics()) {
            ObjectNode node = JSON.createObjectNode();
            node.put("subject", diagnostic.subject().toString());
            node.put("severity", diagnostic.code().severity().name());
            node.put("field", diagnostic.fieldPath());
            node.put("message", diagnostic.message());
            out.append("  - code: ").append(diagnostic.code());
            write(node, "    ", out);
            out.append("\n");
        }
        out.append("subjects:").append(result.subjects().isEmpty() ? " []\n" : "\n");
        result.subjects().entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(entry -> out.append("  ")
                        .append(entry.getKey())
                        .append(": ")
                        .append(entry.getValue().routes())
                        .append(" routes, ")
                        .append(entry.getValue().readyEndpoints())
                        .append(" ready endpoints, generation ")
                        .append(entry.getValue().generation())
                        .append("\n"));
        out.append("references: ")
                .append(result.references().stream()
                        .sorted()
                        .map(Object::toString)
                        .collect(Collectors.joining(", ", "[", "]")))
                .append("\n");
        return out.toString();
    }

    private static JsonNode action(RouteAction action) {
        ObjectNode node = JSON.createObjectNode();
        switch (action) {
            case RouteAction.Reject reject -> node.put("reject", reject.status() + " " + reject.reason());
            case RouteAction.Forward forward -> {
                List<String> upstreams = forward.upstreams().stream()
                        .map(share -> share.upstream() + " weight " + share.weight())
                        .toList();
                node.set("forward", JSON.valueToTree(upstreams));
                if (!forward.rewrite().equals(Rewrite.NONE)) {
                    node.put("rewritePath", forward.rewrite().path().toString());
                    node.put("rewriteHost", forward.rewrite().host());
                }
                if (!forward.requestHeaders().equals(HeaderChanges.NONE)) {
                    node.set("requestHeaders", JSON.valueToTree(forward.requestHeaders()));
                }
                if (!forward.responseHeaders().equals(HeaderChanges.NONE)) {
                    node.set("responseHeaders", JSON.valueToTree(forward.responseHeaders()));
                }
                if (!forward.timeouts().equals(Timeouts.DEFAULT)) {
                    node.set("timeouts", JSON.valueToTree(forward.timeouts()));
                }
            }
        }
        return node;
    }

    /** Block YAML; nulls and empty collections are left out. */
    private static void write(JsonNode node, String indent, StringBuilder out) {
        node.properties().forEach(field -> {
            JsonNode value = field.getValue();
            if (value.isNull() || value.isContainerNode() && value.isEmpty() && !indent.isEmpty()) {
                return;
            }
            out.append("\n").append(indent).append(key(field.getKey())).append(":");
            value(value, indent + "  ", out);
        });
    }

    private static void value(JsonNode value, String indent, StringBuilder out) {
        if (value.isObject()) {
            out.append(value.isEmpty() ? " {}" : "");
            write(value, indent, out);
        } else if (value.isArray()) {
            value.forEach(item -> {
                out.append("\n").append(indent).append("-");
                if (item.isObject()) {
                    StringBuilder nested = new StringBuilder();
                    write(item, indent + "  ", nested);
                    out.append(" ").append(nested.toString().strip());
                } else {
                    out.append(" ").append(scalar(item));
                }
            });
        } else {
            out.append(" ").append(pem(scalar(value)));
        }
    }

    private static String pem(String text) {
        return text.contains("-----BEGIN CERTIFICATE")
                ? subjects(text.substring(1, text.length() - 1).replace("\\n", "\n"))
                : text;
    }

    private static String key(String key) {
        return key.matches("[A-Za-z][A-Za-z0-9._/-]*") ? key : scalar(TextNode.valueOf(key));
    }

    private static String scalar(JsonNode value) {
        return value.isTextual() && value.asText().matches("[A-Za-z/][A-Za-z0-9 ._/@=*#-]*(:[0-9]+[A-Za-z0-9 #]*)?")
                ? value.asText()
                : value.toString();
    }

    private static String subjects(String pem) {
        try {
            return CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)))
                    .stream()
                    .map(certificate -> ((X509Certificate) certificate)
                            .getSubjectX500Principal()
                            .getName())
                    .collect(Collectors.joining(" "));
        } catch (CertificateException e) {
            throw new AssertionError("a certificate in the table that cannot be parsed", e);
        }
    }

    private static <T> StdSerializer<T> text(Class<T> type) {
        return new StdSerializer<>(type) {
            private static final long serialVersionUID = 1L;

            @Override
            public void serialize(T value, JsonGenerator json, SerializerProvider provider) {
                try {
                    json.writeString(value.toString());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        };
    }
}

package dev.holdfast.operator.channel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * What a token of a ServiceAccount says of itself. Nobody has checked its signature: it saves asking the API server
 * about what can only be refused, says in which queue to wait, and grants nothing.
 */
record TokenClaims(String subject, List<String> audiences, Instant expires) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** Reads a JWT that names an audience and an end; empty for anything else. */
    static Optional<TokenClaims> read(String token) {
        String[] parts = token.split("\\.", -1);
        if (parts.length != 3) {
            return Optional.empty();
        }
        try {
            JsonNode claims = JSON.readTree(Base64.getUrlDecoder().decode(parts[1]));
            JsonNode audience = claims.path("aud");
            List<String> audiences = new ArrayList<>();
            if (audience.isTextual()) {
                audiences.add(audience.textValue());
            }
            audience.forEach(value -> audiences.add(value.asText()));
            JsonNode expires = claims.path("exp");
            return audiences.isEmpty() || !expires.isNumber()
                    ? Optional.empty()
                    : Optional.of(new TokenClaims(
                            claims.path("sub").asText(),
                            List.copyOf(audiences),
                            Instant.ofEpochSecond(expires.asLong())));
        } catch (JsonProcessingException | IllegalArgumentException | DateTimeException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new IllegalStateException("reading from memory failed", e);
        }
    }
}

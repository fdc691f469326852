package dev.holdfast.operator.diagnostic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FindingsTest {
    private final Findings findings = new Findings(new ResourceRef("Ingress", "shop", "chat"));

    @Test
    void anErrorIsToldHoweverManyWarningsCameBefore() {
        // Given
        for (int i = 0; i < 2 * Findings.MAX; i++) {
            findings.add(DiagnosticCode.ANNOTATION_IGNORED, "metadata.annotations.a" + i, "not known");
        }

        // When
        findings.add(DiagnosticCode.SECRET_NOT_FOUND, "spec.tls[0].secretName", "does not exist");

        // Then
        assertThat(findings.list())
                .hasSize(Findings.MAX)
                .extracting(Diagnostic::code)
                .containsOnlyOnce(DiagnosticCode.SECRET_NOT_FOUND);
    }

    @Test
    void theFirstErrorsAreKept() {
        // Given
        for (int i = 0; i < Findings.MAX; i++) {
            findings.add(DiagnosticCode.SECRET_NOT_FOUND, "spec.tls[" + i + "].secretName", "does not exist");
        }

        // When
        findings.add(DiagnosticCode.SECRET_NOT_FOUND, "spec.tls[100].secretName", "does not exist");

        // Then
        assertThat(findings.list())
                .hasSize(Findings.MAX)
                .noneMatch(found -> found.fieldPath().contains("[100]"));
    }
}

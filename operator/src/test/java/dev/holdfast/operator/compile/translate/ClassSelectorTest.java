package dev.holdfast.operator.compile.translate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.snapshot.ClusterSnapshot.ClassView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.v1alpha1.WebSocketRouteSpec;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Whose a WebSocketRoute is that names no class, where there are two releases and where there is one. */
class ClassSelectorTest {
    private static final String OWN = "holdfast.dev/ingress-controller";
    private static final String OTHER = "example.com/edge";
    private static final WebSocketRouteView CLASSLESS = new WebSocketRouteView(
            new Meta("shop", "chat", "", Instant.EPOCH, 1, Map.of()),
            null,
            new WebSocketRouteSpec(),
            List.of(),
            List.of());

    @Test
    void ofTwoReleasesOnlyTheOneOfTheClassHoldfastServesARouteWithoutAClass() {
        // Given
        List<ClassView> classes = List.of(new ClassView("holdfast", OWN, false), new ClassView("edge", OTHER, false));

        // When
        ClassSelector internal = new ClassSelector(classes, OWN, "holdfast");
        ClassSelector edge = new ClassSelector(classes, OTHER, "edge");

        // Then
        assertThat(internal.isOurs(CLASSLESS)).isTrue();
        assertThat(edge.isOurs(CLASSLESS)).isFalse();
    }

    @Test
    void aReleaseOfTheDefaultClassServesARouteWithoutAClass() {
        // Given
        List<ClassView> classes = List.of(new ClassView("edge", OTHER, true));

        // When
        ClassSelector edge = new ClassSelector(classes, OTHER, "edge");

        // Then
        assertThat(edge.isOurs(CLASSLESS)).isTrue();
    }

    @Test
    void theOnlyReleaseServesARouteWithoutAClassWhateverItsOwnClassIsCalled() {
        // Given
        List<ClassView> classes = List.of(new ClassView("nginx", "k8s.io/ingress-nginx", false));

        // When
        ClassSelector takeover = new ClassSelector(classes, "k8s.io/ingress-nginx", "nginx");

        // Then
        assertThat(takeover.isOurs(CLASSLESS)).isTrue();
    }
}

package dev.holdfast.operator.watch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.diagnostic.ResourceRef;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is sent, and what is not sent twice. */
class SentStatusesTest {
    private static final ResourceRef CHAT = new ResourceRef("Ingress", "default", "chat");

    private final SentStatuses sent = new SentStatuses();

    @Test
    void theSameIsNotSentTwiceOnOneVersion() {
        // Given a status that was sent while the cache showed version 4
        sent.note(CHAT, version("4"), "address");

        // When the cache still shows it
        boolean again = sent.note(CHAT, version("4"), "address");

        // Then it is not sent again
        assertThat(again).isFalse();
    }

    @Test
    void somethingElseOrALaterVersionIsSent() {
        // Given a status that was sent
        sent.note(CHAT, version("4"), "address");

        // When the content changes, and when somebody changed the object
        boolean other = sent.note(CHAT, version("4"), "other address");
        boolean later = sent.note(CHAT, version("5"), "other address");

        // Then both are sent
        assertThat(other).isTrue();
        assertThat(later).isTrue();
    }

    @Test
    void aFailedWriteAndAReturningObjectAreSentAgain() {
        // Given two that were sent
        ResourceRef gone = new ResourceRef("Ingress", "default", "gone");
        sent.note(CHAT, version("4"), "address");
        sent.note(gone, version("4"), "address");

        // When the write of one fails and the other is deleted
        sent.forget(CHAT);
        sent.retain(Set.of(CHAT));

        // Then both are due
        assertThat(sent.note(CHAT, version("4"), "address")).isTrue();
        assertThat(sent.note(gone, version("4"), "address")).isTrue();
    }

    private static ObjectMeta version(String resourceVersion) {
        return new ObjectMetaBuilder()
                .withUid("1")
                .withResourceVersion(resourceVersion)
                .build();
    }
}

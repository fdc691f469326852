package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.compile.BackendResolver.Share;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.Bounds;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Upstream;
import java.util.List;
import org.junit.jupiter.api.Test;

class BackendEntriesTest {
    private final BackendEntries entries = new BackendEntries();

    @Test
    void aFullSectionTakesNothingNewAndKeepsWhatItHas() {
        // Given
        for (int i = 0; i < Bounds.ENTRIES_PER_SECTION_MAX; i++) {
            assertThat(entries.add(List.of(share("shop/chat:" + i)))).isNull();
        }

        // When
        String one = entries.add(List.of(share("shop/chat:0"), share("shop/one-more:80")));
        String known = entries.add(List.of(share("shop/chat:0")));

        // Then
        assertThat(one).contains("500000").contains("is not served");
        assertThat(known).isNull();
    }

    @Test
    void anEntryIsPaidForOnce() {
        // Given
        Share share = share("shop/chat:80");
        long once = entries.charsOfNew(List.of(share));

        // When
        long twice = entries.charsOfNew(List.of(share, share));
        entries.add(List.of(share));

        // Then
        assertThat(once).isPositive();
        assertThat(twice).isEqualTo(once);
        assertThat(entries.charsOfNew(List.of(share))).isZero();
    }

    private static Share share(String id) {
        return new Share(new Upstream(id, id, null, Balancing.DEFAULT), new EndpointGroup(id, List.of()), 1, true);
    }
}

package dev.holdfast.cli.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;
import static org.awaitility.Awaitility.await;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.routetable.SecretBytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectorySourceTest {
    @TempDir
    private Path temp;

    private Path directory = Path.of("");
    private final List<FileNotice> notices = new CopyOnWriteArrayList<>();
    private final AtomicInteger changes = new AtomicInteger();
    private DirectorySource source = new DirectorySource(Path.of("nowhere"), new Extras(), notices::add);

    private static final class Extras implements LocalExtras {
        @Override
        public int echoPort(String name) {
            return 4_000 + name.length();
        }

        @Override
        public Map<String, SecretBytes> certificate(ResourceRef secret, SortedSet<String> hosts) {
            return Map.of("tls.crt", SecretBytes.ofText(hosts.toString()));
        }
    }

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createDirectory(temp.resolve("manifests"));
    }

    @AfterEach
    void stop() {
        source.close();
    }

    private void start() {
        source = new DirectorySource(directory, new Extras(), notices::add);
        source.start(changes::incrementAndGet);
    }

    private static String service(String name) {
        return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {ports: [{port: 80}]}\n";
    }

    private List<String> services() {
        return source.snapshot().services().stream()
                .map(service -> service.meta().name())
                .toList();
    }

    private void write(String file, String text) throws IOException {
        Files.writeString(directory.resolve(file), text);
    }

    /** As an editor does that never leaves a half-written file. */
    private void replace(String file, String text) throws IOException {
        Path fresh = Files.writeString(temp.resolve("fresh"), text);
        Files.move(fresh, directory.resolve(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private void awaitServices(String... names) {
        await().atMost(Duration.ofSeconds(10))
                .pollInterval(Duration.ofMillis(2))
                .untilAsserted(() -> assertThat(services()).containsExactly(names));
    }

    @Test
    void everyDocumentOfEveryFileIsRead() throws IOException {
        // Given
        Files.createDirectories(directory.resolve("sub/deeper"));
        write("b.yaml", "# first\n---\n" + service("one") + "---\n" + service("two") + "---\n");
        write("sub/deeper/c.yml", service("three"));
        write("a.json", "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"zero\"}}");
        write("list.yaml", "apiVersion: v1\nkind: ServiceList\nitems:\n- {metadata: {name: four}}\n");
        write("notes.txt", "not a manifest");

        // When
        start();

        // Then
        assertThat(services()).containsExactlyInAnyOrder("zero", "one", "two", "three", "four");
        assertThat(notices).isEmpty();
    }

    @Test
    void anEditInPlaceIsFollowed() throws IOException {
        // Given
        write("a.yaml", service("one"));
        start();

        // When
        write("a.yaml", service("one") + "---\n" + service("two"));

        // Then
        awaitServices("one", "two");
    }

    @Test
    void aFileThatIsRenamedOverIsFollowed() throws IOException {
        // Given
        write("a.yaml", service("one"));
        start();

        // When
        replace("a.yaml", service("two"));

        // Then
        awaitServices("two");
    }

    @Test
    void aFileThatGoesTakesItsObjectsAlong() throws IOException {
        // Given
        write("a.yaml", service("one"));
        write("b.yaml", service("two"));
        start();

        // When
        Files.delete(directory.resolve("a.yaml"));

        // Then
        awaitServices("two");
    }

    @Test
    void filesInANewFolderAreRead() throws IOException {
        // Given
        write("a.yaml", service("one"));
        start();

        // When
        Path folder = Files.createDirectories(directory.resolve("x/y"));
        Files.writeString(folder.resolve("b.yaml"), service("two"));

        // Then
        awaitServices("one", "two");
    }

    @Test
    void aFolderThatIsReplacedAsAWholeIsReadAnew() throws IOException {
        // Given
        Files.createDirectory(directory.resolve("app"));
        write("app/a.yaml", service("one"));
        Path fresh = Files.createDirectory(temp.resolve("fresh-app"));
        Files.writeString(fresh.resolve("b.yaml"), service("two"));
        start();

        // When
        Files.move(directory.resolve("app"), temp.resolve("old-app"));
        Files.move(fresh, directory.resolve("app"));

        // Then
        awaitServices("two");
        Files.writeString(directory.resolve("app/c.yaml"), service("three"));
        awaitServices("two", "three");
    }

    @Test
    void aDirectoryThatComesBackIsFollowedAgain() throws IOException {
        // Given
        write("a.yaml", service("one"));
        start();

        // When
        Files.move(directory, temp.resolve("away"));
        Files.createDirectory(directory);
        write("b.yaml", service("two"));

        // Then
        awaitServices("two");
    }

    @Test
    void aMountThatSwapsItsLinkIsFollowed() throws IOException {
        // Given
        Path first = Files.createDirectory(directory.resolve("..1"));
        Path second = Files.createDirectory(directory.resolve("..2"));
        Files.writeString(first.resolve("a.yaml"), service("one"));
        Files.writeString(second.resolve("a.yaml"), service("two"));
        Files.createSymbolicLink(directory.resolve("..data"), Path.of("..1"));
        Files.createSymbolicLink(directory.resolve("a.yaml"), Path.of("..data/a.yaml"));
        start();
        assertThat(services()).containsExactly("one");

        // When
        Files.createSymbolicLink(directory.resolve("..data_tmp"), Path.of("..2"));
        Files.move(directory.resolve("..data_tmp"), directory.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);

        // Then
        awaitServices("two");
    }

    @Test
    void aLinkedFileIsFollowedWhereItIs() throws IOException {
        // Given
        Path elsewhere = Files.createDirectory(temp.resolve("elsewhere"));
        Files.writeString(elsewhere.resolve("real.yaml"), service("one"));
        Files.createSymbolicLink(directory.resolve("a.yaml"), elsewhere.resolve("real.yaml"));
        start();

        // When
        Files.writeString(elsewhere.resolve("real.yaml"), service("one") + "---\n" + service("two"));

        // Then
        awaitServices("one", "two");
    }

    @Test
    void aDirectoryThatIsReachedByTwoPathsIsFollowedByBoth() throws IOException {
        // Given: Linux tells of a directory once, and a link to a file in it makes it be followed where it really is
        Path real = directory;
        directory = Files.createSymbolicLink(temp.resolve("link"), real);
        write("a.yaml", service("one"));
        write("b.yaml", service("two"));
        Files.createSymbolicLink(real.resolve("active.yaml"), Path.of("a.yaml"));
        start();

        // When
        write("b.yaml", service("three"));

        // Then
        await().untilAsserted(() -> assertThat(services()).containsExactlyInAnyOrder("one", "three"));
    }

    @Test
    void aBrokenFileKeepsItsLastGoodObjectsAndSaysWhere() throws IOException {
        // Given
        write("a.yaml", service("one"));
        start();

        // When
        replace("a.yaml", service("one") + "---\napiVersion: v1\nkind: Service\nmetadata: {name: two\n");

        // Then
        await().until(() -> !notices.isEmpty());
        assertThat(services()).containsExactly("one");
        FileNotice.Broken broken = (FileNotice.Broken) notices.getFirst();
        assertThat(broken.file()).hasToString("a.yaml");
        assertThat(broken.keeps()).isEqualTo(1);
        assertThat(broken.problem().line()).isEqualTo(9);
        assertThat(broken.problem().reason()).contains("expected ',' or '}'");
    }

    @Test
    void aBrokenFileThatIsMendedIsServedAndSaidToBe() throws IOException {
        // Given
        write("a.yaml", "kind: [\n");
        start();
        assertThat(services()).isEmpty();

        // When
        replace("a.yaml", service("one"));

        // Then
        awaitServices("one");
        assertThat(notices).hasSize(2).last().isEqualTo(new FileNotice.Mended(Path.of("a.yaml")));
    }

    @Test
    void aBrokenFileThatIsTakenAwayIsSaidToBeSolved() throws IOException {
        // Given
        write("a.yaml", "kind: [\n");
        start();

        // When
        Files.delete(directory.resolve("a.yaml"));

        // Then
        await().until(() -> notices.size() == 2);
        assertThat(notices).last().isEqualTo(new FileNotice.Mended(Path.of("a.yaml")));
    }

    @Test
    void aFieldOfAnotherTypeIsNamedWithItsLine() throws IOException {
        // Given
        write(
                "a.yaml",
                "---\n" + service("one") + "---\n"
                        + "apiVersion: v1\nkind: Service\nmetadata:\n  name: two\nspec:\n  ports:\n  - port: eighty\n");

        // When
        start();

        // Then
        FileNotice.Broken broken = (FileNotice.Broken) notices.getFirst();
        assertThat(broken.problem().line()).isEqualTo(13);
        assertThat(broken.problem().reason()).startsWith("spec.ports[0].port: ").contains("eighty");
    }

    @Test
    void aFileInTheMiddleOfBeingWrittenLosesNothing() throws IOException, InterruptedException {
        // Given
        write("a.yaml", service("one") + "---\n" + service("two"));
        start();
        List<ClusterSnapshot> seen = new CopyOnWriteArrayList<>();

        // When
        writeSlowly("a.yaml", seen);

        // Then
        awaitServices("one", "two", "three");
        assertThat(changes).hasValue(1);
        assertThat(seen).allMatch(snapshot -> snapshot.services().size() == 2);
    }

    /** In three parts, each before the source may take the one before for the whole; busy cores may need several tries. */
    private void writeSlowly(String file, List<ClusterSnapshot> seen) throws IOException, InterruptedException {
        for (int attempt = 0; attempt < 200; attempt++) {
            long begun = System.nanoTime();
            write(file, "");
            Thread.sleep(5);
            write(file, service("one"));
            ClusterSnapshot during = source.snapshot();
            Thread.sleep(5);
            write(file, service("one") + "---\n" + service("two"));
            if (System.nanoTime() - begun < Duration.ofMillis(25).toNanos()) {
                seen.add(during);
                write(file, service("one") + "---\n" + service("two") + "---\n" + service("three"));
                return;
            }
            awaitServices("one", "two");
            changes.set(0);
        }
        throw new IllegalStateException("the cores are too busy to write three parts within 25 ms");
    }

    @Test
    void anObjectDefinedTwiceIsTheFirstByPath() throws IOException {
        // Given
        write("a.yaml", service("one"));
        write("b.yaml", "\n" + service("one"));

        // When
        start();

        // Then
        assertThat(services()).containsExactly("one");
        assertThat(notices)
                .containsExactly(new FileNotice.Duplicate(
                        Path.of("b.yaml"), 2, new ResourceRef("Service", "default", "one"), Path.of("a.yaml"), 1));
    }

    @Test
    void anotherKindIsNamedAndSkippedOnce() throws IOException {
        // Given
        write("a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n---\n" + service("one"));
        start();

        // When
        write("b.yaml", service("two"));

        // Then
        awaitServices("one", "two");
        assertThat(notices)
                .containsExactly(new FileNotice.Skipped(
                        Path.of("a.yaml"), 1, new ResourceRef("Deployment", "default", "app"), ""));
    }

    @Test
    void anEchoBackendIsResolvedToItsPort() throws IOException {
        // Given
        write(
                "a.yaml",
                "apiVersion: v1\nkind: Service\nmetadata:\n  name: one\n  annotations:\n"
                        + "    holdfast.dev/local-endpoints: builtin:echo, builtin:echo/blue-1, 127.0.0.1:9\n");

        // When
        start();

        // Then
        ServiceView service = source.snapshot().services().getFirst();
        assertThat(service.meta().annotations())
                .containsEntry("holdfast.dev/local-endpoints", "127.0.0.1:4004,127.0.0.1:4006,127.0.0.1:9");
    }

    @Test
    void mappingsMayBeMergedButNotIntoThemselves() throws IOException {
        // Given
        write("a.yaml", """
                apiVersion: v1
                kind: Service
                metadata:
                  name: one
                  labels: &one {holdfast.dev/a: "1"}
                  annotations: {<<: &two {<<: *one, holdfast.dev/b: "2"}, holdfast.dev/c: "3"}
                """);
        write("b.yaml", "q: &q [&a x]\nm: &a {<<: *q}\n");

        // When
        start();

        // Then
        ServiceView service = source.snapshot().services().getFirst();
        assertThat(service.meta().annotations())
                .containsOnly(entry("holdfast.dev/a", "1"), entry("holdfast.dev/b", "2"), entry("holdfast.dev/c", "3"));
        assertThat(notices).singleElement().isInstanceOfSatisfying(FileNotice.Broken.class, broken -> {
            assertThat(broken.problem().line()).isEqualTo(2);
            assertThat(broken.problem().reason()).contains("<< of a mapping into itself");
        });
    }

    @Test
    void aSecretMayAskForACertificateOfItsHosts() throws IOException {
        // Given
        write("a.yaml", """
                apiVersion: v1
                kind: Secret
                metadata:
                  name: cert
                  annotations: {holdfast.dev/local-certificate: "true"}
                type: kubernetes.io/tls
                stringData: {tls.crt: "", tls.key: ""}
                ---
                apiVersion: networking.k8s.io/v1
                kind: Ingress
                metadata: {name: web}
                spec:
                  tls:
                  - hosts: [b.test, a.test]
                    secretName: cert
                """);

        // When
        start();

        // Then
        SecretBytes certificate = source.snapshot().secrets().getFirst().data().get("tls.crt");
        assertThat(certificate).isEqualTo(SecretBytes.ofText("[a.test, b.test]"));
    }

    @Test
    void aFileThatBlowsUpByAliasesIsRefused() throws IOException {
        // Given
        StringBuilder text = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int i = 1; i < 9; i++) {
            text.append("a").append(i).append(": &a").append(i).append(" [");
            text.append(("*a" + (i - 1) + ",").repeat(9))
                    .append("*a")
                    .append(i - 1)
                    .append("]\n");
        }
        write("a.yaml", text.toString());

        // When
        start();

        // Then
        assertThat(notices).hasSize(1).first().isInstanceOf(FileNotice.Broken.class);
    }

    @Test
    void moreManifestsThanAreReadIsSaidOnce() throws IOException {
        // Given
        for (int i = 0; i < ManifestTree.FILES_MAX + 2; i++) {
            write("a" + i + ".yaml", "");
        }

        // When
        List<FileNotice> told =
                LintSource.read(directory, (secret, hosts) -> Map.of()).notices();

        // Then
        assertThat(told)
                .singleElement()
                .isInstanceOfSatisfying(
                        FileNotice.Broken.class,
                        broken -> assertThat(broken.problem().reason())
                                .startsWith("left out, like every further one: more than 20000 manifests"));
    }
}

package dev.holdfast.operator;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.domain.JavaParameterizedType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.holdfast.operator.compile.translate.RouteIntent;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.assertj.core.api.Assertions;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Who may know whom in the operator; each rule says why. */
class OperatorArchitectureTest {
    private static final String ROOT = "dev.holdfast.operator";
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);
    private static final Set<String> BANNED_SUFFIXES = Set.of("Util", "Utils", "Helper", "Manager", "Impl");

    @Test
    void diagnosticsAreDataOnly() {
        classes()
                .that()
                .resideInAPackage(ROOT + ".diagnostic..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(ROOT + ".diagnostic..", "java..", "org.jspecify..")
                .because("what is wrong is data; who sees it is decided in status and on the command line")
                .check(CLASSES);
    }

    @Test
    void aSnapshotKnowsOnlyWhatItIsMadeOf() {
        mayNotKnow(
                        "snapshot",
                        "a snapshot is read by compile and filled by watch or a directory; it knows neither",
                        "compile",
                        "publish",
                        "status",
                        "watch")
                .check(CLASSES);
    }

    @Test
    void whatTenantsNameIsKeptInBuckets() {
        noClasses()
                .that()
                .resideInAnyPackage(ROOT + ".compile..", ROOT + ".status..", ROOT + ".watch..")
                .should()
                .callMethod(Set.class, "copyOf", Collection.class)
                .orShould()
                .callMethod(Map.class, "copyOf", Map.class)
                .because("they probe one array in line: half a million names that differ in their digits took a minute,"
                        + " and who chooses names chooses hashes; a HashMap sorts what collides")
                .check(CLASSES);
    }

    @Test
    void keysOfMapsHaveAnOrder() {
        fields().that()
                .haveRawType(assignableTo(Map.class).or(assignableTo(Set.class)))
                .should(haveOrderedKeys())
                .because(
                        "a bucket of a HashMap in which many hashes are equal is searched by the order of its keys, and"
                                + " whole where they have none; let the record implement Comparable")
                .check(CLASSES);
    }

    private static ArchCondition<JavaField> haveOrderedKeys() {
        // Looked up by identity, whose hashes nobody chooses.
        Set<Class<?>> byIdentity = Set.of(RouteIntent.class);
        return new ArchCondition<>("have keys with an order") {
            @Override
            public void check(JavaField field, ConditionEvents events) {
                if (field.getType() instanceof JavaParameterizedType type
                        && type.getActualTypeArguments().getFirst() instanceof JavaClass key
                        && key.isRecord()
                        && !key.isAssignableTo(Comparable.class)
                        && byIdentity.stream().noneMatch(key::isEquivalentTo)) {
                    events.add(SimpleConditionEvent.violated(
                            field, field.getFullName() + " has keys of " + key.getName()));
                }
            }
        };
    }

    @Test
    void compileKnowsNeitherWhereObjectsComeFromNorWhereTablesGo() {
        mayNotKnow(
                        "compile",
                        "compile is a function of a snapshot; put what reads or sends into watch or publish",
                        "publish",
                        "status",
                        "watch")
                .check(CLASSES);
    }

    @Test
    void kubernetesTypesEndInTranslate() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".compile")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.fabric8..", "dev.holdfast.v1alpha1..")
                .because("two dialects end in compile.translate; behind it there is one RouteIntent")
                .check(CLASSES);
    }

    @Test
    void translateDoesNotKnowWhatBecomesOfItsIntents() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".compile.translate..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(ROOT + ".compile")
                .because("an object is translated without looking at any other; conflicts belong to compile")
                .check(CLASSES);
    }

    @Test
    void compileIsPure() {
        pure(typesIn("compile and its translation", ROOT + ".compile", ROOT + ".compile.translate"))
                .check(CLASSES);
    }

    @Test
    void theRecordsOfASnapshotArePure() {
        pure(describe(
                        "the records of a snapshot",
                        type -> type.getFullName().startsWith(ROOT + ".snapshot.ClusterSnapshot")))
                .check(CLASSES);
    }

    @Test
    void publishKnowsTablesAndNotKubernetes() {
        mayNotKnow(
                        "publish",
                        "data planes are served on every replica, whatever the cluster says",
                        "compile",
                        "snapshot",
                        "status",
                        "watch",
                        "diagnostic")
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".publish..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.fabric8..")
                .because("the stream carries route tables; Kubernetes ends in compile.translate")
                .check(CLASSES);
    }

    @Test
    void statusIsAProjectionWithoutClients() {
        mayNotKnow(
                        "status",
                        "status turns diagnostics and reports into conditions; the reconcilers in watch write them",
                        "watch",
                        "snapshot")
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".status..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.fabric8.kubernetes.client..")
                .because("a projection can be tested without an API server; the reconcilers in watch write it")
                .allowEmptyShould(true)
                .check(CLASSES);
    }

    @Test
    void onlyWatchKnowsTheOperatorFramework() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + ".watch..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.javaoperatorsdk..")
                .because(
                        "JOSDK hosts the reconcilers and nothing else, so that its next version is a change of one package")
                .check(CLASSES);
    }

    @Test
    void thereIsNoNettyInTheOperator() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.netty..")
                .because(
                        "Netty serves user traffic and belongs to the data plane; the operator speaks HTTP with the JDK")
                .check(CLASSES);
    }

    @Test
    void thereAreNoCycles() {
        slices().matching(ROOT + ".(*)..")
                .should()
                .beFreeOfCycles()
                .because("each stage of the path knows only the stages before it")
                .check(CLASSES);
    }

    @Test
    void everyPackageIsNullMarked() {
        // Given
        JavaPackage root = CLASSES.getPackage(ROOT);

        // When
        List<String> unmarked = root.getSubpackagesInTree().stream()
                .filter(candidate -> !candidate.getClasses().isEmpty())
                .filter(candidate -> !candidate.isAnnotatedWith(NullMarked.class))
                .map(JavaPackage::getName)
                .toList();

        // Then
        Assertions.assertThat(unmarked)
                .as("packages without @NullMarked package-info: add one paragraph, what goes in and what comes out")
                .isEmpty();
    }

    @Test
    void namesSayWhatAThingIs() {
        // When
        List<String> vague = CLASSES.stream()
                .map(JavaClass::getSimpleName)
                .filter(name -> BANNED_SUFFIXES.stream().anyMatch(name::endsWith))
                .toList();

        // Then
        Assertions.assertThat(vague)
                .as("names that end in %s: name the responsibility", BANNED_SUFFIXES)
                .isEmpty();
    }

    private static ArchRule mayNotKnow(String part, String why, String... others) {
        String[] packages = java.util.Arrays.stream(others)
                .map(other -> ROOT + "." + other + "..")
                .toArray(String[]::new);
        return noClasses()
                .that()
                .resideInAPackage(ROOT + "." + part + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(packages)
                .because(why)
                .allowEmptyShould(true);
    }

    private static com.tngtech.archunit.base.DescribedPredicate<JavaClass> typesIn(String name, String... packages) {
        return describe(name, type -> Set.of(packages).contains(type.getPackageName()));
    }

    private static ArchRule pure(com.tngtech.archunit.base.DescribedPredicate<JavaClass> subjects) {
        return noClasses()
                .that(subjects)
                .should()
                .dependOnClassesThat(describe(
                        "clocks, randomness, files, sockets, loggers or clients", OperatorArchitectureTest::isImpure))
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(java.time.Instant.class, "now")
                .because("equal input must give an equal table on every replica; pass in what you need as a value");
    }

    private static boolean isImpure(JavaClass type) {
        String name = type.getFullName();
        boolean network = name.startsWith("java.net.")
                && !Set.of("java.net.InetAddress", "java.net.Inet4Address").contains(name);
        return network
                || name.startsWith("java.nio.file.")
                || name.startsWith("java.nio.channels.")
                || name.startsWith("java.io.File")
                || name.startsWith("java.util.logging.")
                || name.startsWith("org.slf4j.")
                || name.startsWith("io.fabric8.kubernetes.client.")
                || name.startsWith("io.javaoperatorsdk.")
                || name.startsWith("io.micrometer.")
                || name.equals("java.time.Clock")
                || name.equals("java.security.SecureRandom")
                || name.equals("java.util.Random")
                || name.startsWith("java.util.random.")
                || name.equals("java.util.concurrent.ThreadLocalRandom");
    }
}

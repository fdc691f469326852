package dev.holdfast.dataplane;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaParameterizedType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The boundaries of the data plane, each with its reason. */
class DataPlaneArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.holdfast.dataplane");

    @Test
    void theStreamAndTheTrafficMeetOnlyAtTheActiveRoutes() {
        noClasses()
                .that()
                .resideInAPackage("..dataplane.sync..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("..dataplane.proxy..")
                .because("a table reaches the traffic through match.ActiveRoutes and no other way")
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage("..dataplane.proxy..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("..dataplane.sync..")
                .because("traffic must not know where tables come from; it serves on when the stream is gone")
                .check(CLASSES);
    }

    @Test
    void onlyTheProxyKnowsNetty() {
        noClasses()
                .that(not(resideInAPackage("..dataplane.proxy..")))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.netty..")
                .because(
                        "Netty serves user traffic; the stream and the admin port use the JDK, so that neither waits for an event loop")
                .check(CLASSES);
    }

    @Test
    void matchIsPure() {
        classes()
                .that()
                .resideInAPackage("..dataplane.match..")
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(
                        "dev.holdfast.routetable..", "dev.holdfast.dataplane.match..", "java..", "org.jspecify.."))
                .because("what is active is decided without sockets, clocks and frameworks")
                .check(CLASSES);
        noClasses()
                .that()
                .resideInAPackage("..dataplane.match..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.net..", "java.nio.file..", "java.time..", "java.io..")
                .because("what is active is decided without sockets, clocks and files")
                .check(CLASSES);
    }

    @Test
    void theDataPlaneKnowsNeitherKubernetesNorTheOperator() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "io.fabric8..", "io.javaoperatorsdk..", "dev.holdfast.operator..", "dev.holdfast.v1alpha1..")
                .because("everything it needs travels in the route table")
                .check(CLASSES);
    }

    @Test
    void tunnelsAndUpstreamsDoNotKnowTheStreamOrAdmin() {
        noClasses()
                .that()
                .resideInAPackage("..dataplane.proxy..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("..dataplane.admin..")
                .because("the admin port reads the others; nobody reads it")
                .check(CLASSES);
    }

    @Test
    void thePartsHaveNoCycles() {
        slices().matching("dev.holdfast.dataplane.(*)..")
                .should()
                .beFreeOfCycles()
                .because("data flows one way: sync, match, proxy; admin reads")
                .check(CLASSES);
    }

    @Test
    void recordsThatAreKeysHaveAnOrder() {
        fields().that()
                .haveRawType(assignableTo(Map.class).or(assignableTo(Set.class)))
                .should(new ArchCondition<>("have keys that are no records, or comparable ones") {
                    @Override
                    public void check(JavaField item, ConditionEvents events) {
                        if (item.getType() instanceof JavaParameterizedType type
                                && !type.getActualTypeArguments().isEmpty()) {
                            JavaClass key =
                                    type.getActualTypeArguments().getFirst().toErasure();
                            boolean ordered = !key.isRecord() || key.isAssignableTo(Comparable.class);
                            events.add(new SimpleConditionEvent(
                                    item, ordered, item.getFullName() + " has keys " + key.getName()));
                        }
                    }
                })
                .because("names are of somebody's choice: what has an order is found among equal hashes in few steps")
                .check(CLASSES);
    }

    @Test
    void everyPackageIsNullMarked() {
        classes()
                .should(new ArchCondition<>("reside in a @NullMarked package") {
                    @Override
                    public void check(JavaClass item, ConditionEvents events) {
                        boolean marked = item.getPackage().isAnnotatedWith(NullMarked.class);
                        events.add(new SimpleConditionEvent(
                                item, marked, item.getName() + " is in a package without @NullMarked package-info"));
                    }
                })
                .because("null is an exception that the type must say")
                .check(CLASSES);
    }

    @Test
    void namesSayWhatAClassIs() {
        noClasses()
                .should()
                .haveSimpleNameEndingWith("Util")
                .orShould()
                .haveSimpleNameEndingWith("Utils")
                .orShould()
                .haveSimpleNameEndingWith("Helper")
                .orShould()
                .haveSimpleNameEndingWith("Manager")
                .orShould()
                .haveSimpleNameEndingWith("Impl")
                .because("such a class has no responsibility of its own; name what it does")
                .check(CLASSES);
    }
}

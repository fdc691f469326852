package dev.holdfast.routetable;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class RoutetableArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.holdfast.routetable");

    @Test
    void theContractDependsOnLittle() {
        classes()
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        "dev.holdfast.routetable..",
                        "java..",
                        "com.fasterxml.jackson..",
                        "com.google.re2j..",
                        "org.jspecify..")
                .because("both processes carry it: Kubernetes stays in the operator, Netty in the data plane")
                .check(CLASSES);
    }

    @Test
    void onlyTheWirePackageKnowsJson() {
        noClasses()
                .that()
                .resideOutsideOfPackage("..wire..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("com.fasterxml.jackson..")
                .because("the records are plain Java; how they travel is the business of routetable.wire alone")
                .check(CLASSES);
    }

    @Test
    void theContractIsPure() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.net..", "java.nio.file..", "java.util.logging..", "java.util.random..")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.time.Clock")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(System.class, "nanoTime")
                .because(
                        "equal input must give equal tables and equal matches; clocks and sockets belong to the modules")
                .check(CLASSES);
    }

    @Test
    void thereAreNoCycles() {
        // VirtualHost checks its order by match.MatchPrecedence, so the records and match are one slice.
        slices().matching("dev.holdfast.routetable.(update|wire)..")
                .should()
                .beFreeOfCycles()
                .because("records, update, wire build on each other in this order")
                .check(CLASSES);
        noClasses()
                .that()
                .resideOutsideOfPackages("..update..", "..wire..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("..update..", "..wire..")
                .because("a table does not know how it travels")
                .check(CLASSES);
    }
}

package dev.holdfast.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class CliArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.holdfast.cli");

    @Test
    void theEchoBackendKnowsNothingOfTheProxyBeforeIt() {
        noClasses()
                .that()
                .resideInAPackage("dev.holdfast.cli.echo..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.holdfast.operator..", "dev.holdfast.dataplane..", "dev.holdfast.routetable..")
                .because(
                        "it stands for a user's own server; whatever it knew of Holdfast would hide faults of the proxy")
                .check(CLASSES);
    }

    @Test
    void manifestsEndAtTheSnapshot() {
        noClasses()
                .that()
                .resideInAPackage("dev.holdfast.cli.manifest..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.holdfast.dataplane..",
                        "dev.holdfast.operator.compile..",
                        "dev.holdfast.operator.publish..",
                        "dev.holdfast.cli.local..")
                .because("a directory replaces the watch on a cluster and nothing behind it")
                .check(CLASSES);
    }

    @Test
    void onlyTheEchoBackendSpeaksNetty() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.holdfast.cli.echo..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.netty..")
                .because("traffic is the data plane's; local mode only starts it")
                .check(CLASSES);
    }

    @Test
    void packagesFormNoCycle() {
        slices().matching("dev.holdfast.cli.(*)..")
                .should()
                .beFreeOfCycles()
                .because("a cycle hides which part a change belongs to")
                .check(CLASSES);
    }
}

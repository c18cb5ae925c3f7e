package dev.clessidra.bench;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import dev.clessidra.kernels.UpwardImport;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Holds the layering: imports go downward only, the lower layers need nothing but the JDK and
 * JCuda.
 */
class LayersTest {
  private static final String ROOT = "dev.clessidra";

  private static final JavaClasses PRODUCT =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages(ROOT);

  private static final ArchRule DOWNWARD_ONLY =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage(ROOT + "..")
          .optionalLayer("bench")
          .definedBy(ROOT + ".bench..")
          .optionalLayer("models")
          .definedBy(ROOT + ".models..")
          .optionalLayer("engine")
          .definedBy(ROOT + ".engine..")
          .optionalLayer("kernels")
          .definedBy(ROOT + ".kernels..")
          .whereLayer("bench")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("models")
          .mayOnlyBeAccessedByLayers("bench")
          .whereLayer("engine")
          .mayOnlyBeAccessedByLayers("models", "bench")
          .whereLayer("kernels")
          .mayOnlyBeAccessedByLayers("engine", "models", "bench");

  private static final ArchRule KERNELS_NEED_ONLY_THE_JDK_AND_JCUDA =
      classes()
          .that()
          .resideInAPackage(ROOT + ".kernels..")
          .should()
          .onlyDependOnClassesThat(
              resideInAnyPackage("java..", "jcuda", "jcuda.driver", ROOT + ".kernels.."));

  private static final ArchRule ENGINE_NEEDS_ONLY_THE_JDK =
      classes()
          .that()
          .resideInAPackage(ROOT + ".engine..")
          .should()
          .onlyDependOnClassesThat(
              resideInAnyPackage("java..", ROOT + ".kernels..", ROOT + ".engine.."));

  private static final ArchRule ONLY_CUDA_CLASSES_NAME_JCUDA =
      noClasses()
          .that()
          .haveNameNotMatching(".*\\.Cuda.*")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("jcuda..");

  private static final ArchRule ONLY_THE_COMMAND_LINE_ENDS_THE_JVM =
      noClasses()
          .that()
          .resideOutsideOfPackages(ROOT + ".models.cli..", ROOT + ".bench.cli..")
          .and()
          .doNotBelongToAnyOf(GpuCheck.class)
          .should()
          .callMethod(System.class, "exit", int.class);

  @Test
  void classesOfEveryLayerAreLookedAt() {
    assertThat(List.of("kernels", "engine", "models", "bench"))
        .allSatisfy(layer ->
            assertThat(PRODUCT)
                .anyMatch(type -> type.getPackageName().startsWith(ROOT + "." + layer)));
  }

  @Test
  void importsGoDownwardOnly() {
    DOWNWARD_ONLY.check(PRODUCT);
  }

  @Test
  void kernelsNeedNothingButTheJdkAndJcuda() {
    KERNELS_NEED_ONLY_THE_JDK_AND_JCUDA.check(PRODUCT);
  }

  @Test
  void engineNeedsNothingButTheJdk() {
    ENGINE_NEEDS_ONLY_THE_JDK.check(PRODUCT);
  }

  @Test
  void jcudaStaysInTheClassesForCuda() {
    ONLY_CUDA_CLASSES_NAME_JCUDA.check(PRODUCT);
  }

  @Test
  void onlyTheCommandLineEndsTheJvm() {
    ONLY_THE_COMMAND_LINE_ENDS_THE_JVM.check(PRODUCT);
  }

  @Test
  void theRulesCatchAKernelClassThatImportsUpwardAndEndsTheJvm() {
    JavaClasses wrong =
        new ClassFileImporter().importClasses(UpwardImport.class, LayersTestTarget.class);

    assertThat(
            List.of(
                DOWNWARD_ONLY,
                KERNELS_NEED_ONLY_THE_JDK_AND_JCUDA,
                ONLY_THE_COMMAND_LINE_ENDS_THE_JVM))
        .allSatisfy(rule ->
            assertThat(rule.evaluate(wrong).getFailureReport().getDetails())
                .anyMatch(violation -> violation.contains("UpwardImport.callUpward()")));
  }
}

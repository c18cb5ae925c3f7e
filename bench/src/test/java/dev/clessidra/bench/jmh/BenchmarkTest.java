package dev.clessidra.bench.jmh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.bench.work.Direction;
import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.KernelWork;
import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Kernel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** JMH finds every benchmark and can run it, and every kernel has one. */
class BenchmarkTest {
  @Test
  void jmhRunsEachBenchmarkOnce() throws RunnerException {
    Collection<RunResult> results =
        new Runner(once().param("shape", "64x48x32").addProfiler(DeviceTime.class).build()).run();

    assertThat(results)
        .hasSize(
            Transposes.values().length
                + Direction.values().length
                + ConvolutionLayer.values().length * Direction.values().length
                + ElementwiseWork.values().length
                + FixedSizeKernel.values().length
                + TrainedModel.values().length
                + ModelLatency.values().length)
        .allSatisfy(result -> {
          assertThat(result.getPrimaryResult().getScore()).isPositive();
          assertThat(result.getSecondaryResults()).isEmpty();
        });
  }

  private static ChainedOptionsBuilder once() {
    return new OptionsBuilder()
        .mode(Mode.SingleShotTime)
        .forks(0)
        .warmupIterations(0)
        .measurementIterations(1)
        .shouldFailOnError(true)
        .verbosity(VerboseMode.SILENT);
  }

  @ParameterizedTest
  @EnumSource(names = {"ADVANCE", "REDUCE_COLUMNS"})
  void onAGpuTheDevicesTimeStandsBesideJmhs(FixedSizeKernel kernel) throws RunnerException {
    RunResult result =
        new Runner(
                once()
                    .include("KernelBenchmark")
                    .param("kernel", kernel.name())
                    .param("device", "emulated")
                    .addProfiler(DeviceTime.class)
                    .build())
            .runSingle();

    assertThat(result.getSecondaryResults())
        .containsOnlyKeys(DeviceTime.DEVICE, DeviceTime.SMALLEST_LAUNCH)
        .allSatisfy((_, time) -> {
          assertThat(time.getScore()).isPositive();
          assertThat(time.getScoreUnit()).isEqualTo("us/op");
        });
  }

  @Test
  void everyKernelHasABenchmark() {
    List<Work> works = new ArrayList<>(Arrays.asList(FixedSizeKernel.values()));
    for (Transposes transposes : Transposes.values()) {
      works.add(transposes.of("1x1x1"));
    }
    for (ElementwiseWork elementwise : ElementwiseWork.values()) {
      works.add(elementwise.work());
    }
    for (Direction direction : Direction.values()) {
      for (ConvolutionLayer layer : ConvolutionLayer.values()) {
        works.add(layer.work(direction));
      }
    }
    Set<Kernel> kernels = EnumSet.noneOf(Kernel.class);
    works.forEach(work -> kernels.add(((KernelWork) work).kernel()));

    assertThat(kernels)
        .as("kernels with a work: one that is missing needs a constant of FixedSizeKernel")
        .isEqualTo(EnumSet.allOf(Kernel.class));
  }
}

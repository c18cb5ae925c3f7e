package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.baselines.cpu.Fastest;
import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.ColdStart;
import dev.clessidra.bench.work.Concatenation;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.FixedSizeKernel;
import dev.clessidra.bench.work.GaussianDivergence;
import dev.clessidra.bench.work.GaussianSample;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.bench.work.Work;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * libtorch in float32. Where the library has several ways of doing a work, channels-last and
 * contiguous images among them, all are tried and the fastest is taken.
 */
final class LibtorchLibrary implements Library {
  private final String version;

  LibtorchLibrary(String version) {
    this.version = version;
  }

  @Override
  public String name() {
    return Libtorch.NAME;
  }

  @Override
  public String version() {
    return version;
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    List<Supplier<Implementation>> ways =
        switch (work) {
          case MatrixProduct product -> Elements.ways(product, inputs);
          case BiasActivation activation -> Elements.ways(activation, inputs);
          case GaussianDivergence divergence -> Elements.ways(divergence, inputs);
          case GaussianSample sample -> Elements.ways(sample, inputs);
          case FixedSizeKernel kernel -> FixedSizeKernels.ways(kernel, inputs);
          case Conv2d convolution -> Convolutions.ways(convolution, inputs);
          case ConvTranspose2d convolution -> Convolutions.ways(convolution, inputs);
          case Concatenation concatenation -> Convolutions.ways(concatenation, inputs);
          case TrainedModel model -> TrainingStep.ways(model, inputs);
          case ColdStart start -> FirstAnswer.ways(start, inputs);
          case ModelLatency latency -> Answer.ways(latency, inputs);
          default -> List.of();
        };
    return ways.isEmpty() ? Optional.empty() : Optional.of(Fastest.of(ways));
  }

  @Override
  public void close() {}
}

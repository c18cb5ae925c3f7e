package dev.clessidra.bench.baselines.onednn;

import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.baselines.cpu.Fastest;
import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.Concatenation;
import dev.clessidra.bench.work.Conv2d;
import dev.clessidra.bench.work.ConvTranspose2d;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.Work;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.PointerScope;

/**
 * oneDNN in strict float32. Of each work all of the library's implementations (but its scalar
 * references) are tried, on channels-last memory and on the memory formats that the library asks
 * for, and the fastest is taken. Operands are brought into that format before the work is timed,
 * and results back after it, as in a network whose every layer is the library's; of matrix
 * products, whose operands are plain, nothing is packed beforehand.
 */
final class OneDnnLibrary implements Library {
  private final engine cpu = new engine(engine.kind.cpu, 0);
  private final stream queue = new stream(cpu);
  private final int threads;

  OneDnnLibrary(int threads) {
    this.threads = threads;
  }

  @Override
  public String name() {
    return OneDnn.NAME;
  }

  @Override
  public String version() {
    dnnl_version_t version = dnnl.dnnl_version();
    return "%d.%d.%d, %s, %d threads"
        .formatted(
            version.major(),
            version.minor(),
            version.patch(),
            dnnl.get_effective_cpu_isa(),
            threads);
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    // What is described and not chosen goes with the scope.
    try (PointerScope _ = new PointerScope()) {
      PrimitiveSearch search = new PrimitiveSearch(cpu, queue, inputs);
      List<Supplier<Implementation>> ways =
          switch (work) {
            case MatrixProduct product -> Products.ways(search, product);
            case Conv2d convolution -> Convolutions.ways(search, convolution);
            case ConvTranspose2d convolution -> Convolutions.ways(search, convolution);
            case Concatenation concatenation -> Rearrangements.ways(search, concatenation);
            case BiasActivation activation -> Products.ways(search, activation);
            default -> List.of();
          };
      return ways.isEmpty() ? Optional.empty() : Optional.of(Fastest.of(ways));
    }
  }

  @Override
  public void close() {
    queue.deallocate();
    cpu.deallocate();
  }
}

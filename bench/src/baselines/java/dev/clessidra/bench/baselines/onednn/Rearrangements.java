package dev.clessidra.bench.baselines.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_MULTIPLE_SRC;

import dev.clessidra.bench.baselines.onednn.PrimitiveSearch.Input;
import dev.clessidra.bench.baselines.onednn.PrimitiveSearch.Result;
import dev.clessidra.bench.work.Concatenation;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.kernels.Images;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.dnnl.concat;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory.format_tag;
import org.bytedeco.dnnl.memory_desc_vector;

/** Concatenation of channels, in channels-last, channels-first and blocked memory. */
final class Rearrangements {
  private static final int CHANNELS = 1;
  private static final int BLOCK = 16;

  private Rearrangements() {}

  static List<Supplier<Implementation>> ways(PrimitiveSearch search, Concatenation work) {
    add(search, work, format_tag.nhwc);
    add(search, work, format_tag.nchw);
    if (work.images().channels() % BLOCK == 0 && work.secondChannels() % BLOCK == 0) {
      add(search, work, format_tag.aBcd16b);
    }
    return search.ways();
  }

  private static void add(PrimitiveSearch search, Concatenation work, format_tag format) {
    Images first = work.images();
    Images second = first.withChannels(work.secondChannels());
    memory.desc result = Convolutions.images(work.output(), format);
    memory_desc_vector sources =
        new memory_desc_vector(
            Convolutions.images(first, format), Convolutions.images(second, format));
    search.add(
        new concat.primitive_desc(
            search.cpu(), result, CHANNELS, sources, PrimitiveSearch.strict(), true),
        new Result(DNNL_ARG_DST, Convolutions.images(work.output())),
        new Input(DNNL_ARG_MULTIPLE_SRC, Convolutions.images(first), "first"),
        new Input(DNNL_ARG_MULTIPLE_SRC + 1, Convolutions.images(second), "second"));
  }
}

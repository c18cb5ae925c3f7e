package dev.clessidra.bench.baselines.onednn;

import dev.clessidra.bench.baselines.cpu.Owner;
import dev.clessidra.bench.work.Implementation;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.FloatPointer;

/** A primitive on memory of its own, in the formats that it asks for. */
final class Primitive implements Implementation {
  private final engine cpu;
  private final stream queue;
  private final primitive executable;
  private final memory.desc plainResult;
  private final memory result;
  private final Owner owner = new Owner();
  private final IntMemoryMap operands = owner.keep(new IntMemoryMap());

  /**
   * Brings the inputs into the formats wanted.
   *
   * @param inPlace whether the result takes the place of the first input
   * @param formats of the result and of the inputs
   */
  Primitive(
      PrimitiveSearch search,
      primitive executable,
      boolean inPlace,
      List<memory.desc> formats,
      PrimitiveSearch.Result result,
      List<PrimitiveSearch.Input> inputs) {
    this.cpu = search.cpu();
    this.queue = search.queue();
    this.executable = owner.keep(executable);
    this.plainResult = owner.keep(result.plain());
    List<memory> memories = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      PrimitiveSearch.Input input = inputs.get(i);
      memory operand = owner.keep(new memory(formats.get(i + 1), cpu));
      try (FloatPointer values = new FloatPointer(search.inputs().floats(input.name()));
          memory plain = new memory(input.plain(), cpu, values)) {
        convert(plain, operand);
      }
      operands.put(input.index(), operand);
      memories.add(operand);
    }
    this.result = inPlace ? memories.getFirst() : owner.keep(new memory(formats.getFirst(), cpu));
    operands.put(result.index(), this.result);
  }

  private void convert(memory from, memory to) {
    try (reorder conversion = new reorder(from, to)) {
      conversion.execute(queue, from, to);
      await();
    }
  }

  @Override
  public void run() {
    executable.execute(queue, operands);
  }

  @Override
  public void await() {
    queue._wait();
  }

  @Override
  public float[] result() {
    run();
    float[] values = new float[Math.toIntExact(plainResult.get_size() / Float.BYTES)];
    try (FloatPointer pointer = new FloatPointer(values.length);
        memory plain = new memory(plainResult, cpu, pointer)) {
      convert(result, plain);
      pointer.get(values);
    }
    return values;
  }

  @Override
  public void close() {
    owner.close();
  }
}

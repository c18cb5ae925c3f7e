package dev.clessidra.bench.baselines.onednn;

import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.primitive_desc;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.stream;

/** Collects the implementations that oneDNN has of an operation. */
final class PrimitiveSearch {
  /** An argument of a primitive. */
  sealed interface Argument {
    /** Its number in an execution, such as {@code DNNL_ARG_SRC}. */
    int index();

    /** How the values lie in the works' layouts. */
    memory.desc plain();
  }

  /** What is read: an input of the work, by its name. */
  record Input(int index, memory.desc plain, String name) implements Argument {}

  /** What is written. */
  record Result(int index, memory.desc plain) implements Argument {}

  private final engine cpu;
  private final stream queue;
  private final Inputs inputs;
  private final List<Supplier<Implementation>> ways = new ArrayList<>();

  PrimitiveSearch(engine cpu, stream queue, Inputs inputs) {
    this.cpu = cpu;
    this.queue = queue;
    this.inputs = inputs;
  }

  engine cpu() {
    return cpu;
  }

  stream queue() {
    return queue;
  }

  Inputs inputs() {
    return inputs;
  }

  /** The implementations found. */
  List<Supplier<Implementation>> ways() {
    return ways;
  }

  /** Attributes that allow nothing less than float32. */
  static primitive_attr strict() {
    primitive_attr attributes = new primitive_attr();
    attributes.set_fpmath_mode(dnnl.fpmath_mode.strict);
    return attributes;
  }

  /** Sizes in oneDNN's order of dimensions, and the order in which they lie in memory. */
  static memory.desc description(long[] sizes, memory.format_tag format) {
    return new memory.desc(sizes, memory.data_type.f32, format);
  }

  /** Adds all implementations of an operation; none if the library has left it empty. */
  void add(primitive_desc_base operation, Result result, Input... arguments) {
    add(operation, false, result, arguments);
  }

  /** As {@link #add}, with the result in the place of the first input. */
  void addInPlace(primitive_desc_base operation, Result result, Input... arguments) {
    add(operation, true, result, arguments);
  }

  private void add(
      primitive_desc_base operation, boolean inPlace, Result result, Input... arguments) {
    if (!operation.asBoolean()) {
      return;
    }
    do {
      if (!operation.impl_info_str().getString().startsWith("ref")) {
        primitive executable = new primitive(operation.get());
        List<memory.desc> formats = new ArrayList<>();
        formats.add(format(operation, result));
        for (Input argument : arguments) {
          formats.add(format(operation, argument));
        }
        ways.add(
            () -> new Primitive(this, executable, inPlace, formats, result, List.of(arguments)));
      }
    } while (operation instanceof primitive_desc choice && choice.next_impl());
  }

  /** The format that an implementation wants. */
  private static memory.desc format(primitive_desc_base operation, Argument argument) {
    return operation.query_md(dnnl.query.exec_arg_md, argument.index());
  }
}

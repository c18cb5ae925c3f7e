package dev.clessidra.bench.baselines.pytorch;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.clessidra.bench.baselines.AbsentException;
import dev.clessidra.bench.baselines.Arithmetic;
import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.ModelLatency;
import dev.clessidra.bench.work.SelfTimed;
import dev.clessidra.bench.work.TrainedModel;
import dev.clessidra.bench.work.Work;
import dev.clessidra.engine.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.IntStream;

/** PyTorch in a process of its own, which serves all works. */
final class Pytorch implements Library {
  // Of the losses of ten steps.
  private static final double TOLERANCE_OF_TF32 = 1e-2;

  private final String name;
  private final Arithmetic arithmetic;
  private final PytorchProcess process;
  private final String version;
  private int prepared;

  private Pytorch(String name, Arithmetic arithmetic, PytorchProcess process) {
    this.name = name;
    this.arithmetic = arithmetic;
    this.process = process;
    JsonObject versions = process.read();
    version =
        versions.get("cuda").isJsonNull()
            ? versions.get("version").getAsString()
            : "%s, cuDNN %d"
                .formatted(versions.get("version").getAsString(), versions.get("cudnn").getAsInt());
  }

  static Pytorch open(String name, Arithmetic arithmetic, List<String> options)
      throws AbsentException {
    PytorchProcess process = PytorchProcess.start(options);
    try {
      return new Pytorch(name, arithmetic, process);
    } catch (IllegalStateException e) {
      process.close();
      throw new AbsentException(e.getMessage());
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String version() {
    return version;
  }

  @Override
  public Arithmetic arithmetic() {
    return arithmetic;
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    return switch (work) {
      case TrainedModel model ->
          Optional.of(
              new ServedWork(
                  work, model, inputs, false, TrainedModel.CHECKED_STEPS, model.batch()));
      case ModelLatency latency ->
          Optional.of(new ServedWork(work, latency.model(), inputs, true, 1));
      default -> Optional.empty();
    };
  }

  @Override
  public void close() {
    process.close();
  }

  /** The script's name for models of one kind. */
  private static String kind(TrainedModel model) {
    return switch (model) {
      case DEEP_AUTOENCODER, TIED_AUTOENCODER -> "autoencoder";
      case SPARSE_AUTOENCODER -> "sparse-autoencoder";
      case CONVOLUTIONAL_VAE, DENSE_VAE, SMALL_BATCH_VAE -> "vae";
      case U_NET -> "unet";
    };
  }

  private final class ServedWork implements SelfTimed {
    private final int number = prepared++;
    private final boolean isEndToEnd;
    private final float[] result;

    /**
     * Has it prepared.
     *
     * @param leading dimensions of all arrays but the parameters
     */
    private ServedWork(
        Work work, TrainedModel model, Inputs inputs, boolean isEndToEnd, int... leading) {
      this.isEndToEnd = isEndToEnd;
      Path file = process.file("arrays-" + number);
      write(file, model, inputs, leading);
      JsonArray answer =
          process
              .ask("prepare %d %s %s %s".formatted(number, work.family(), kind(model), file))
              .getAsJsonArray("result");
      result = new float[answer.size()];
      for (int i = 0; i < result.length; i++) {
        result[i] = answer.get(i).getAsFloat();
      }
    }

    @Override
    public float[] result() {
      return result;
    }

    /** The script waits for the end. */
    @Override
    public void run() {
      seconds(1);
    }

    @Override
    public double tolerance() {
      return arithmetic == Arithmetic.TF32 ? TOLERANCE_OF_TF32 : 0;
    }

    @Override
    public double seconds(int runs) {
      return process.ask("run %d %d".formatted(number, runs)).get("seconds").getAsDouble();
    }

    @Override
    public boolean isEndToEnd() {
      return isEndToEnd;
    }

    @Override
    public void close() {
      try {
        process.ask("close " + number);
      } catch (IllegalStateException _) {
        // The process has ended, and the model with it; what is asked of it next is told why.
      }
    }
  }

  /**
   * Writes the inputs with their shapes, as the script reads them.
   *
   * @param leading dimensions of all arrays but the parameters
   */
  private static void write(Path file, TrainedModel model, Inputs inputs, int... leading) {
    SequencedMap<String, Shape> parameters = model.parameterShapes();
    JsonArray header = new JsonArray();
    List<ByteBuffer> arrays = new ArrayList<>();
    for (String name : inputs.names()) {
      boolean integers = name.equals(TrainedModel.LABELS);
      ByteBuffer bytes = integers ? bytes(inputs.integers(name)) : bytes(inputs.floats(name));
      JsonArray sizes = new JsonArray();
      if (parameters.containsKey(name)) {
        Shape shape = parameters.get(name);
        IntStream.range(0, shape.rank()).forEach(i -> sizes.add(shape.dim(i)));
      } else {
        IntStream.of(leading).forEach(sizes::add);
        int rows = IntStream.of(leading).reduce(1, Math::multiplyExact);
        sizes.add(bytes.capacity() / Float.BYTES / rows);
      }
      JsonObject array = new JsonObject();
      array.addProperty("name", name);
      array.addProperty("type", integers ? "int32" : "float32");
      array.add("shape", sizes);
      header.add(array);
      arrays.add(bytes);
    }
    arrays.addFirst(ByteBuffer.wrap((header + "\n").getBytes(StandardCharsets.UTF_8)));
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (ByteBuffer bytes : arrays) {
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ByteBuffer bytes(int[] values) {
    ByteBuffer bytes = littleEndian(values.length);
    bytes.asIntBuffer().put(values);
    return bytes;
  }

  private static ByteBuffer bytes(float[] values) {
    ByteBuffer bytes = littleEndian(values.length);
    bytes.asFloatBuffer().put(values);
    return bytes;
  }

  private static ByteBuffer littleEndian(int values) {
    return ByteBuffer.allocate(Float.BYTES * values).order(ByteOrder.LITTLE_ENDIAN);
  }
}

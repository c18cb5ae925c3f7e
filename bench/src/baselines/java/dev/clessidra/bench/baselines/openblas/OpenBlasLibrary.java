package dev.clessidra.bench.baselines.openblas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.clessidra.bench.baselines.Library;
import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.MatrixProduct;
import dev.clessidra.bench.work.Work;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * OpenBLAS's matrix product in float32.
 *
 * <p>The library is loaded from a folder of its own, since Bytedeco's loader puts MKL in its place
 * for libtorch, and one process may time both.
 */
final class OpenBlasLibrary implements Library {
  private static final String RESOURCES = "/org/bytedeco/openblas/linux-x86_64/";
  // Each needs those before it.
  private static final List<String> FILES =
      List.of("libquadmath.so.0", "libgfortran.so.5", "libopenblas.so.0");

  private final MethodHandle sgemm;
  private final String version;

  /**
   * Loads the library for good.
   *
   * @throws IOException if it cannot be unpacked
   * @throws IllegalArgumentException if it cannot be loaded
   */
  OpenBlasLibrary(int threads) throws IOException {
    SymbolLookup functions = load();
    sgemm = handle(functions, "cblas_sgemm", FunctionDescriptor.ofVoid(sgemmArguments()));
    String configuration;
    try {
      handle(functions, "openblas_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT))
          .invokeExact(threads);
      MethodHandle get = handle(functions, "openblas_get_config", FunctionDescriptor.of(ADDRESS));
      configuration = string((MemorySegment) get.invokeExact());
    } catch (Throwable e) {
      throw new LinkageError("OpenBLAS cannot be called.", e);
    }
    version = "%s, %d threads".formatted(configuration, threads);
  }

  @SuppressWarnings("restricted")
  private static String string(MemorySegment address) {
    return address.reinterpret(Long.MAX_VALUE).getString(0).strip();
  }

  @SuppressWarnings("restricted")
  private static SymbolLookup load() throws IOException {
    Path folder = Files.createTempDirectory("clessidra-openblas");
    try {
      SymbolLookup last = null;
      for (String name : FILES) {
        Path file = folder.resolve(name);
        try (InputStream resource = OpenBlasLibrary.class.getResourceAsStream(RESOURCES + name)) {
          if (resource == null) {
            throw new FileNotFoundException("no resource " + RESOURCES + name);
          }
          Files.copy(resource, file);
        }
        last = SymbolLookup.libraryLookup(file, Arena.global());
      }
      return last;
    } finally {
      // What is loaded stays loaded.
      for (String name : FILES) {
        Files.deleteIfExists(folder.resolve(name));
      }
      Files.delete(folder);
    }
  }

  private static MemoryLayout[] sgemmArguments() {
    return new MemoryLayout[] {
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_INT,
      JAVA_FLOAT,
      ADDRESS,
      JAVA_INT,
      ADDRESS,
      JAVA_INT,
      JAVA_FLOAT,
      ADDRESS,
      JAVA_INT
    };
  }

  @SuppressWarnings("restricted")
  private static MethodHandle handle(
      SymbolLookup functions, String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(functions.findOrThrow(name), descriptor);
  }

  @Override
  public String name() {
    return OpenBlas.NAME;
  }

  @Override
  public String version() {
    return version;
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    return work instanceof MatrixProduct product
        ? Optional.of(new Sgemm(sgemm, product, inputs))
        : Optional.empty();
  }

  @Override
  public void close() {}

  /** A product of matrices in memory of its own. */
  private static final class Sgemm implements Implementation {
    private static final int ROW_MAJOR = 101;
    private static final int AS_STORED = 111;
    private static final int TRANSPOSED = 112;
    private static final long ALIGNMENT = 64;

    private final MethodHandle function;
    private final MatrixProduct product;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment a;
    private final MemorySegment b;
    private final MemorySegment c;

    Sgemm(MethodHandle function, MatrixProduct product, Inputs inputs) {
      this.function = function;
      this.product = product;
      a = copy(inputs.floats("a"));
      b = copy(inputs.floats("b"));
      c = copy(new float[product.resultSize()]);
    }

    private MemorySegment copy(float[] values) {
      MemorySegment segment = arena.allocate((long) values.length * Float.BYTES, ALIGNMENT);
      MemorySegment.copy(values, 0, segment, JAVA_FLOAT, 0, values.length);
      return segment;
    }

    @Override
    public void run() {
      int m = product.m();
      int n = product.n();
      int k = product.k();
      try {
        function.invokeExact(
            ROW_MAJOR,
            product.transposeA() ? TRANSPOSED : AS_STORED,
            product.transposeB() ? TRANSPOSED : AS_STORED,
            m,
            n,
            k,
            1f,
            a,
            product.transposeA() ? m : k,
            b,
            product.transposeB() ? k : n,
            0f,
            c,
            n);
      } catch (Throwable e) {
        throw new LinkageError("cblas_sgemm failed.", e);
      }
    }

    @Override
    public float[] result() {
      run();
      return c.toArray(JAVA_FLOAT);
    }

    @Override
    public void close() {
      arena.close();
    }
  }
}

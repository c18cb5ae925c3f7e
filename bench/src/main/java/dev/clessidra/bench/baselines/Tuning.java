package dev.clessidra.bench.baselines;

import java.util.Map;

/** What libraries on the CPU have to find in the environment to be at their best. */
public final class Tuning {
  /**
   * GCC's OpenMP: idle threads look for work for some microseconds and then sleep, else they take
   * the processors from whatever runs next. glibc's malloc: freed memory stays with the process,
   * else each large temporary is mapped, zeroed and unmapped by the system again.
   */
  public static final Map<String, String> ENVIRONMENT =
      Map.of(
          "GOMP_SPINCOUNT", "10000",
          "MALLOC_ARENA_MAX", "1",
          "MALLOC_MMAP_THRESHOLD_", "4294967296",
          "MALLOC_TRIM_THRESHOLD_", "17179869184");

  private Tuning() {}

  /**
   * Sets up JavaCPP, which has to happen before it is used: libtorch multiplies with MKL, and
   * memory is freed by its owners alone, without limits that depend on the Java heap.
   */
  public static void prepareBinding() {
    System.setProperty("org.bytedeco.openblas.load", "mkl_rt");
    System.setProperty("org.bytedeco.javacpp.nopointergc", "true");
    System.setProperty("org.bytedeco.javacpp.maxbytes", "0");
    System.setProperty("org.bytedeco.javacpp.maxphysicalbytes", "0");
  }
}

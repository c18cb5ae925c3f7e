package dev.clessidra.bench.jmh;

import dev.clessidra.bench.work.BiasActivation;
import dev.clessidra.bench.work.Concatenation;
import dev.clessidra.bench.work.GaussianDivergence;
import dev.clessidra.bench.work.GaussianSample;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Images;

/** Works on all elements of some size. */
// Records of records and numbers are immutable; Error Prone cannot see it.
@SuppressWarnings("ImmutableEnumChecker")
public enum ElementwiseWork {
  /** What came up to U-Net's first level and that level. */
  CONCATENATION(new Concatenation(new Images(2, 256, 256, 16), 16)),
  /** Sigmoid of a layer of the deep autoencoder. */
  SIGMOID_256_1000(new BiasActivation(256, 1000, Activation.SIGMOID)),
  /** Sigmoid of more than a cache holds. */
  SIGMOID_16384_1024(new BiasActivation(16384, 1024, Activation.SIGMOID)),
  /** The divergence of a million Gaussians. */
  DIVERGENCE(new GaussianDivergence(1024, 1024)),
  /** A million samples. */
  SAMPLE(new GaussianSample(1 << 20));

  private final Work work;

  ElementwiseWork(Work work) {
    this.work = work;
  }

  Work work() {
    return work;
  }
}

package dev.clessidra.bench.work;

import dev.clessidra.kernels.Buffer;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.RandomKey;

/**
 * Reparameterized samples of a diagonal Gaussian, {@code z = mean + exp(log variance / 2) * e} with
 * e drawn anew at each run. Inputs {@code mean} and {@code log variance}.
 *
 * <p>Each library draws numbers of its own, so that results differ; what is checked of a result is
 * that its e have the moments of the normal distribution.
 */
public record GaussianSample(int count) implements KernelWork {
  /** The family's name. */
  public static final String FAMILY = "sample";

  /** Checks the size. */
  public GaussianSample {
    if (count < 1) {
      throw new IllegalArgumentException(
          "%s of %d: expected a size of at least 1.".formatted(FAMILY, count));
    }
  }

  @Override
  public String label() {
    return "%s %d".formatted(FAMILY, count);
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public Kernel kernel() {
    return Kernel.REPARAMETERIZE;
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public double bytes() {
    return 3.0 * Float.BYTES * count;
  }

  @Override
  public Inputs inputs() {
    return Inputs.builder().uniform("mean", count).uniform("log variance", count).build();
  }

  @Override
  public int resultSize() {
    return count;
  }

  /** Six standard errors of the moment that varies most, the fourth's. */
  @Override
  public double tolerance() {
    return 6 * Math.sqrt(96.0 / count);
  }

  /** The largest distance of the first four moments of e from 0, 1, 0 and 3. */
  @Override
  public double error(Inputs inputs, float[] result, float[] reference) {
    float[] mean = inputs.floats("mean");
    float[] logVariance = inputs.floats("log variance");
    double[] moments = new double[4];
    for (int i = 0; i < count; i++) {
      double e = (result[i] - (double) mean[i]) / Math.exp(logVariance[i] / 2.0);
      double power = 1;
      for (int moment = 0; moment < moments.length; moment++) {
        power *= e;
        moments[moment] += power / count;
      }
    }
    double distance = 0;
    double[] normal = {0, 1, 0, 3};
    for (int moment = 0; moment < moments.length; moment++) {
      distance = Math.max(distance, Math.abs(moments[moment] - normal[moment]));
    }
    return distance;
  }

  @Override
  public Implementation on(Operands operands) {
    Buffer mean = operands.input("mean");
    Buffer logVariance = operands.input("log variance");
    Buffer z = operands.results("z", count);
    RandomKey key = new RandomKey(SEED, 1);
    return operands.launching(
        z,
        () ->
            operands.kernels().reparameterize(mean, logVariance, z, operands.state(), count, key));
  }
}

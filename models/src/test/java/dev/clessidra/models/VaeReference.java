package dev.clessidra.models;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Parameters;
import java.util.LinkedHashMap;
import java.util.Map;

/** The loss of a dense {@link Vae} with one hidden layer of tanh units, plainly and in double. */
final class VaeReference {
  private final Map<String, double[]> parameters = new LinkedHashMap<>();
  private final int latent;
  private final Likelihood likelihood;
  private final LatentObjective objective;
  private final int samples;
  private final double beta;

  VaeReference(
      Parameters parameters,
      int latent,
      Likelihood likelihood,
      LatentObjective objective,
      int samples,
      double beta) {
    for (Parameter parameter : parameters) {
      this.parameters.put(parameter.name(), doubles(parameter.copyToArray()));
    }
    this.latent = latent;
    this.likelihood = likelihood;
    this.objective = objective;
    this.samples = samples;
    this.beta = beta;
  }

  static double[] doubles(float[] values) {
    double[] result = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = values[i];
    }
    return result;
  }

  /** The loss of images [n, inputs] with the normal numbers e, [n * samples, latent]. */
  double loss(double[] images, double[] e) {
    int inputs = parameters.get("decoder.1.bias").length;
    int count = images.length / inputs;
    double total = 0;
    for (int image = 0; image < count; image++) {
      double[] x = row(images, image, inputs);
      double[] hidden = tanh(linear(x, "encoder.0"));
      double[] mean = linear(hidden, "mean");
      double[] logVariance = linear(hidden, "log_variance");
      double[] logWeights = new double[samples];
      double likelihoods = 0;
      for (int k = 0; k < samples; k++) {
        double[] noise = row(e, image * samples + k, latent);
        double[] z = new double[latent];
        double ratio = 0;
        for (int j = 0; j < latent; j++) {
          z[j] = mean[j] + Math.exp(logVariance[j] / 2) * noise[j];
          ratio += (-z[j] * z[j] + logVariance[j] + noise[j] * noise[j]) / 2;
        }
        double logLikelihood = logLikelihood(x, linear(tanh(linear(z, "decoder.0")), "decoder.1"));
        likelihoods += logLikelihood;
        logWeights[k] = logLikelihood + beta * ratio;
      }
      if (objective == LatentObjective.IWAE && samples > 1) {
        double sum = 0;
        for (double weight : logWeights) {
          sum += Math.exp(weight);
        }
        total -= Math.log(sum / samples);
      } else {
        double divergence = 0;
        for (int j = 0; j < latent; j++) {
          divergence += (Math.exp(logVariance[j]) + mean[j] * mean[j] - 1 - logVariance[j]) / 2;
        }
        total += beta * divergence - likelihoods / samples;
      }
    }
    return total / count;
  }

  private double logLikelihood(double[] x, double[] output) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      double squared = (x[i] - output[i]) * (x[i] - output[i]);
      sum +=
          switch (likelihood) {
            case Likelihood.Bernoulli _ -> x[i] * output[i] - Math.log1p(Math.exp(output[i]));
            case Likelihood.Gaussian(float variance) -> logNormal(squared, Math.log(variance));
            case Likelihood.LearnedGaussian _ ->
                logNormal(squared, parameters.get("output.log_variance")[0]);
          };
    }
    return sum;
  }

  private static double logNormal(double squared, double logVariance) {
    return -(Math.log(2 * Math.PI) + logVariance + squared * Math.exp(-logVariance)) / 2;
  }

  /** The derivative of the loss by a number of a parameter, by central differences. */
  double derivative(String name, int index, double[] images, double[] e) {
    double[] values = parameters.get(name);
    double value = values[index];
    double step = 1e-5;
    values[index] = value + step;
    double above = loss(images, e);
    values[index] = value - step;
    double below = loss(images, e);
    values[index] = value;
    return (above - below) / (2 * step);
  }

  private double[] linear(double[] x, String name) {
    double[] weights = parameters.get(name + ".weight");
    double[] y = parameters.get(name + ".bias").clone();
    for (int i = 0; i < x.length; i++) {
      for (int j = 0; j < y.length; j++) {
        y[j] += x[i] * weights[i * y.length + j];
      }
    }
    return y;
  }

  private static double[] tanh(double[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] = Math.tanh(x[i]);
    }
    return x;
  }

  private static double[] row(double[] matrix, int row, int columns) {
    double[] result = new double[columns];
    System.arraycopy(matrix, row * columns, result, 0, columns);
    return result;
  }
}

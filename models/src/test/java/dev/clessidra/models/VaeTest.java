package dev.clessidra.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.clessidra.engine.Parameter;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tape;
import dev.clessidra.engine.Tensor;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.io.ModelFileException;
import dev.clessidra.kernels.Activation;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.Scope;
import dev.clessidra.models.data.ImageData;
import dev.clessidra.models.training.Batch;
import dev.clessidra.models.training.DeviceData;
import dev.clessidra.models.training.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VaeTest {
  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("cpu");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static Vae.Builder small() {
    return Vae.builder().image(28, 28, 1).hidden(64).latent(8);
  }

  private static Batch batch(Tensor images) {
    return new Batch(images, Optional.empty(), Optional.empty());
  }

  @ParameterizedTest
  @CsvSource({
    "bernoulli, elbo, 1, 1",
    "bernoulli, elbo, 3, 0.5",
    "bernoulli, iwae, 1, 1",
    "bernoulli, iwae, 3, 1",
    "bernoulli, iwae, 4, 0.5",
    "gaussian:0.25, elbo, 1, 2",
    "gaussian:0.25, iwae, 2, 1",
    "gaussian, elbo, 2, 1",
    "gaussian, iwae, 3, 1"
  })
  void lossAndGradientsAreThoseOfADoubleReference(
      String likelihood, String objective, int samples, float beta) {
    Likelihood distribution = Likelihood.parse(likelihood);
    LatentObjective bound = LatentObjective.parse(objective);
    float[] images = {0, 1, 1, 0, 0.25f, 1, 0.75f, 0, 1, 1, 0.5f, 0, 1, 0, 0};
    try (Vae model =
            Vae.builder()
                .image(1, 5, 1)
                .hidden(4)
                .latent(2)
                .likelihood(distribution)
                .objective(bound)
                .samples(samples)
                .beta(beta)
                .seed(3)
                .build(device);
        Scope scope = device.scope();
        TrainingState state = new TrainingState(device, 11)) {
      Tensor zeros = Tensor.filled(device, scope, "zeros", Shape.of(3 * samples, 2), 0);
      double[] noise =
          VaeReference.doubles(
              Tape.inference(device, scope)
                  .reparameterize(zeros, zeros, state.stream(Vae.CODES))
                  .copyToArray());
      VaeReference reference =
          new VaeReference(model.parameters(), 2, distribution, bound, samples, beta);
      Tape tape = new Tape(device, scope);
      Tensor x = Tensor.of(device, scope, "images", Shape.of(3, 5), images);
      Tensor loss = model.loss(tape, batch(x), state);
      double[] doubles = VaeReference.doubles(images);
      assertThat((double) loss.item()).isCloseTo(reference.loss(doubles, noise), within(2e-6));
      tape.backward(loss);
      for (Parameter parameter : model.parameters()) {
        float[] gradient = parameter.gradient().copyToArray();
        for (int i = 0; i < gradient.length; i++) {
          assertThat((double) gradient[i])
              .as(parameter.name() + " " + i)
              .isCloseTo(reference.derivative(parameter.name(), i, doubles, noise), within(1e-5));
        }
      }
    }
  }

  @Test
  void theDivergenceWarmsUp() {
    try (Vae warming = small().warmup(10).build(device);
        Vae warm = small().build(device);
        Vae without = small().beta(0).build(device);
        Scope scope = device.scope();
        TrainingState state = new TrainingState(device, 1)) {
      Tensor x = Tensor.of(device, scope, "images", Shape.of(20, 784), Digits.test(20).floats());
      double[] shares = new double[3];
      long[] steps = {0, 4, 20};
      for (int i = 0; i < steps.length; i++) {
        state.restart(steps[i]);
        double[] losses = new double[3];
        for (Vae model : new Vae[] {warming, warm, without}) {
          double loss = model.loss(Tape.inference(device, scope), batch(x), state).item();
          losses[model == warming ? 0 : model == warm ? 1 : 2] = loss;
        }
        shares[i] = (losses[0] - losses[2]) / (losses[1] - losses[2]);
      }
      assertThat(shares[0]).isBetween(-0.01, 0.12);
      assertThat(shares[1]).isBetween(0.38, 0.52);
      assertThat(shares[2]).isCloseTo(1, within(1e-3));
    }
  }

  @Test
  void theEstimateIsTheLogLikelihoodOfALinearModel() {
    // x = W z + b + noise is normal with mean b and covariance W W' + variance I.
    double variance = 0.3;
    try (Vae model =
        Vae.builder()
            .image(1, 3, 1)
            .hidden()
            .latent(2)
            .likelihood(Likelihood.gaussian((float) variance))
            .seed(5)
            .build(device)) {
      model.parameters().get("decoder.0.bias").copyFrom(new float[] {0.2f, 0.5f, 0.1f});
      double[] w = VaeReference.doubles(model.parameters().get("decoder.0.weight").copyToArray());
      double[] b = VaeReference.doubles(model.parameters().get("decoder.0.bias").copyToArray());
      float[] images = {0.1f, 0.7f, 0.3f, 1, 0, 0.5f};
      // Not a multiple of the samples that go through the decoder at a time.
      double[] estimates = model.logLikelihoods(images, 20_070, 9);
      double[] oneSample = model.logLikelihoods(images, 1, 9);
      double[][] covariance = new double[3][3];
      for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
          covariance[i][j] = w[i] * w[j] + w[3 + i] * w[3 + j] + (i == j ? variance : 0);
        }
      }
      for (int image = 0; image < 2; image++) {
        double[] difference = new double[3];
        for (int i = 0; i < 3; i++) {
          difference[i] = images[3 * image + i] - b[i];
        }
        double exact = logNormal(difference, covariance);
        assertThat(estimates[image]).isCloseTo(exact, within(0.02));
        assertThat(Math.abs(oneSample[image] - exact)).isGreaterThan(0.02);
      }
    }
  }

  /** The log density of N(0, covariance), by Cholesky's decomposition. */
  private static double logNormal(double[] x, double[][] covariance) {
    int n = x.length;
    double[][] lower = new double[n][n];
    double[] y = new double[n];
    double sum = n * Math.log(2 * Math.PI);
    for (int i = 0; i < n; i++) {
      double rest = x[i];
      for (int j = 0; j <= i; j++) {
        double value = covariance[i][j];
        for (int k = 0; k < j; k++) {
          value -= lower[i][k] * lower[j][k];
        }
        lower[i][j] = i == j ? Math.sqrt(value) : value / lower[j][j];
        if (j < i) {
          rest -= lower[i][j] * y[j];
        }
      }
      y[i] = rest / lower[i][i];
      sum += y[i] * y[i] + 2 * Math.log(lower[i][i]);
    }
    return -sum / 2;
  }

  @Test
  void boundsRiseWithTheNumberOfSamples() {
    ImageData test = Digits.test(100);
    try (Vae model = small().binarization(Binarization.DYNAMIC).build(device)) {
      Vae.Elbo untrained = model.elbo(test, 1);
      Trainer.of(model).data(Digits.train(2000)).epochs(6).batch(50).run();
      Vae.Elbo elbo = model.elbo(test, 1);
      assertThat(elbo.total()).isGreaterThan(untrained.total() + 20);
      assertThat(elbo.divergence()).isPositive();
      double tight = model.logLikelihood(test, 200, 1);
      assertThat(tight).isGreaterThan(elbo.total() + 1).isLessThan(0);
      assertThat(model.logLikelihood(test, 5, 1)).isBetween(elbo.total(), tight);
    }
  }

  @Test
  void theImportanceWeightedObjectiveTrains() {
    ImageData test = Digits.test(100);
    try (Vae model = small().objective(LatentObjective.IWAE).samples(5).warmup(50).build(device)) {
      double before = model.logLikelihood(test, 20, 1);
      Trainer.of(model).data(Digits.train(1000)).epochs(4).batch(50).run();
      assertThat(model.logLikelihood(test, 20, 1)).isGreaterThan(before + 20);
    }
  }

  @Test
  void trainingStartsFromTheMeanImage() {
    ImageData train = Digits.train(500);
    float[] mean = new float[784];
    float[] images = train.floats();
    for (int i = 0; i < images.length; i++) {
      mean[i % 784] += images[i] / 500;
    }
    try (Vae model = small().build(device)) {
      Trainer.of(model).data(train).steps(1).learningRate(1e-9).run();
      float[] bias = model.parameters().get("decoder.1.bias").copyToArray();
      for (int i = 0; i < 784; i++) {
        double p = Math.clamp(mean[i], 0.01, 0.99);
        assertThat((double) bias[i]).isCloseTo(Math.log(p / (1 - p)), within(1e-3));
      }
    }
  }

  @Test
  void convolutionsTrainAndKeepTheImagesSize() {
    ImageData test = Digits.test(50);
    try (Vae model =
        Vae.builder()
            .image(28, 28, 1)
            .convolutions(4, 8)
            .hidden(32)
            .latent(6)
            .activation(Activation.RELU)
            .build(device)) {
      assertThat(model.encode(test)).hasSize(50 * 6);
      assertThat(model.reconstruct(test)).hasSize(50 * 784);
      double before = model.elbo(test, 1).total();
      Trainer.of(model).data(Digits.train(1000)).epochs(3).batch(50).run();
      assertThat(model.elbo(test, 1).total()).isGreaterThan(before + 20);
    }
  }

  @ParameterizedTest
  @CsvSource({"gaussian", "gaussian:0.05"})
  void gaussianLikelihoodsTrain(String likelihood) {
    ImageData test = Digits.test(100);
    try (Vae model = small().likelihood(Likelihood.parse(likelihood)).build(device)) {
      Trainer.of(model).data(Digits.train(2000)).epochs(1).batch(50).run();
      double before = model.elbo(test, 1).total();
      Trainer.of(model).data(Digits.train(2000)).epochs(4).batch(50).run();
      assertThat(model.elbo(test, 1).total()).isGreaterThan(before);
      assertThat(model.elbo(test, 1).total()).isGreaterThan(0);
    }
  }

  @Test
  void aPlainAutoencoderRestoresBetterAndHasNoDistribution() {
    ImageData test = Digits.test(200);
    try (Vae plain = small().plain(true).build(device);
        Vae model = small().build(device)) {
      Trainer.of(plain).data(Digits.train(2000)).epochs(5).batch(50).run();
      Trainer.of(model).data(Digits.train(2000)).epochs(5).batch(50).run();
      assertThat(plain.squaredError(test)).isLessThan(model.squaredError(test));
      assertThat(plain.parameters().byName()).doesNotContainKey("log_variance.weight");
      assertThatThrownBy(() -> plain.elbo(test, 1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("gives codes no distribution");
      assertThatThrownBy(() -> plain.sample(1, 1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("gives codes no distribution");
    }
  }

  @Test
  void codesAndImagesFitEachOther() {
    float[] images = Digits.test(30).floats();
    try (Vae model = small().build(device)) {
      Vae.CodeDistribution codes = model.encodeDistribution(images);
      assertThat(codes.means()).isEqualTo(model.encode(images));
      assertThat(codes.logVariances()).hasSize(30 * 8).isNotEqualTo(codes.means());
      assertThat(model.decode(codes.means())).isEqualTo(model.reconstruct(images));
      float[] drawn = model.sample(12, 4);
      assertThat(drawn).hasSize(12 * 784).isEqualTo(model.sample(12, 4));
      assertThat(drawn).isNotEqualTo(model.sample(12, 5));
      float[] first = Arrays.copyOf(codes.means(), 8);
      float[] second = Arrays.copyOfRange(codes.means(), 8, 16);
      float[] walk = model.interpolate(first, second, 5, CodeInterpolation.SPHERICAL);
      assertThat(Arrays.copyOf(walk, 784)).isEqualTo(model.decode(first));
    }
  }

  @Test
  void binarizationDrawsZerosAndOnesWithThePixelsProbabilities() {
    float[] images = new float[4 * 784];
    for (int i = 0; i < images.length; i++) {
      images[i] = new float[] {0, 0.25f, 0.75f, 1}[i / 784];
    }
    try (Vae model = small().binarization(Binarization.STATIC).build(device)) {
      float[] drawn = model.binarize(images, 3);
      assertThat(drawn).containsOnly(0f, 1f).isEqualTo(model.binarize(images, 3));
      assertThat(drawn).isNotEqualTo(model.binarize(images, 4));
      assertThat(model.binarize(drawn, 5)).isEqualTo(drawn);
      double[] ones = new double[4];
      for (int i = 0; i < drawn.length; i++) {
        ones[i / 784] += drawn[i] / 784;
      }
      assertThat(ones[0]).isZero();
      assertThat(ones[1]).isCloseTo(0.25, within(0.06));
      assertThat(ones[2]).isCloseTo(0.75, within(0.06));
      assertThat(ones[3]).isCloseTo(1, within(1e-6));
    }
  }

  @Test
  void aBernoulliLikelihoodIsOfNumbersFromZeroToOne() {
    float[] images = new float[2 * 784];
    images[784 + 5] = 1.5f;
    String message = "vae: number 5 of sample 1 is 1.5: expected numbers in [0, 1]";
    try (DeviceData data = DeviceData.of(device, images, 784);
        Vae model = small().build(device);
        Vae gaussian = small().likelihood(Likelihood.gaussian(1)).build(device)) {
      assertThatThrownBy(() -> Trainer.of(model).data(data).steps(1).batch(2).run())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "training: the samples have numbers from 0.0 to 1.5, a Bernoulli likelihood expects"
                  + " them in [0, 1]: scale them, or use Likelihood.gaussian");
      assertThatThrownBy(() -> model.binarize(images, 1)).hasMessage(message);
      assertThatThrownBy(() -> model.elbo(images, 1)).hasMessage(message);
      assertThatThrownBy(() -> model.logLikelihoods(images, 1, 1)).hasMessage(message);
      Trainer.of(gaussian).data(data).steps(1).batch(2).run();
      assertThat(gaussian.elbo(images, 1).total()).isFinite();
    }
  }

  @Test
  void activeUnitsAreThoseWhoseMeansVary() {
    try (Vae model = Vae.builder().image(28, 28, 1).hidden().latent(3).build(device)) {
      Parameter weight = model.parameters().get("mean.weight");
      float[] values = new float[784 * 3];
      for (int i = 0; i < 784; i++) {
        values[3 * i] = 0.1f;
        values[3 * i + 1] = 1e-4f;
      }
      weight.copyFrom(values);
      ImageData test = Digits.test(100);
      assertThat(model.activeUnits(test)).isEqualTo(1);
      assertThat(model.codeVariances(test)[2]).isZero();
    }
  }

  @Test
  void aLoadedModelIsTheSavedOne(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("model.safetensors");
    try (Vae model =
        Vae.builder()
            .image(28, 28, 1)
            .convolutions(3)
            .hidden(20)
            .latent(5)
            .activation(Activation.leakyRelu(0.1f))
            .likelihood(Likelihood.learnedGaussian())
            .objective(LatentObjective.IWAE)
            .samples(2)
            .beta(0.5f)
            .warmup(7)
            .build(device)) {
      Trainer.of(model).data(Digits.train(500)).epochs(1).batch(50).run();
      model.save(file);
      try (Vae loaded = Vae.load(file, device)) {
        assertThat(loaded.configuration()).isEqualTo(model.configuration());
        assertThat(loaded.reconstruct(Digits.test(10)))
            .isEqualTo(model.reconstruct(Digits.test(10)));
        Path again = folder.resolve("again.safetensors");
        loaded.save(again);
        assertThat(again).hasSameBinaryContentAs(file);
      }
    }
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> Vae.load(file, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessageContaining(file.toString())
        .message()
        .doesNotContain("\n");
  }

  @Test
  void aFileOfAnotherModelIsRefused(@TempDir Path folder) {
    Path file = folder.resolve("classifier.safetensors");
    try (Classifier classifier = Classifier.builder(784, 10).build(device)) {
      classifier.save(file);
    }
    assertThatThrownBy(() -> Vae.load(file, device))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(
            file
                + ": holds a model of kind classifier, expected a model of kind vae: give the file"
                + " of such a model");
  }

  @Test
  void aResumedTrainingEndsInTheSameBytes(@TempDir Path folder) throws IOException {
    Path whole = folder.resolve("whole.safetensors");
    Path resumed = folder.resolve("resumed.safetensors");
    Path checkpoint = folder.resolve("checkpoint.safetensors");
    Vae.Builder settings = small().binarization(Binarization.DYNAMIC).warmup(20);
    try (Vae model = settings.build(device)) {
      trainer(model).run();
      model.save(whole);
    }
    try (Vae model = settings.build(device)) {
      int[] asked = {0};
      trainer(model).checkpoint(checkpoint).stopWhen(() -> ++asked[0] == 13).run();
    }
    try (Vae model = settings.build(device)) {
      trainer(model).resume(checkpoint).run();
      model.save(resumed);
    }
    assertThat(resumed).hasSameBinaryContentAs(whole);
  }

  private static Trainer trainer(Vae model) {
    return Trainer.of(model).data(Digits.train(300)).steps(30).batch(20).seed(4);
  }

  @Test
  void manyThreadsMayUseAModelAtOnce() throws Exception {
    try (Vae model = small().binarization(Binarization.DYNAMIC).build(device);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      double expected = model.logLikelihood(Digits.test(20), 30, 1);
      Callable<Double> estimate = () -> model.logLikelihood(Digits.test(20), 30, 1);
      long live = device.memory().liveBuffers();
      for (Future<Double> result : threads.invokeAll(Collections.nCopies(20, estimate))) {
        assertThat(result.get()).isEqualTo(expected);
      }
      assertThat(device.memory().liveBuffers()).isEqualTo(live);
    }
  }

  @Test
  void imagesOfAnotherSizeAreRefused() {
    ImageData tall = ImageData.of(56, 28, 1, new byte[56 * 28]); // as two of 28x28
    ImageData wide = ImageData.of(14, 56, 1, new byte[14 * 56]); // as many numbers as 28x28
    try (Vae model = small().build(device)) {
      for (ImageData images : new ImageData[] {tall, wide}) {
        String message =
            "vae: the images are %dx%dx1: the model takes images of 28x28x1"
                .formatted(images.height(), images.width());
        assertThatThrownBy(() -> model.encode(images)).hasMessage(message);
        assertThatThrownBy(() -> model.squaredError(images)).hasMessage(message);
        assertThatThrownBy(() -> model.elbo(images, 1)).hasMessage(message);
        assertThatThrownBy(() -> model.logLikelihood(images, 1, 1)).hasMessage(message);
        assertThatThrownBy(() -> model.binarize(images, 1))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(message);
      }
    }
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> Vae.builder().latent(0))
        .hasMessage("vae: the latent size must be at least 1, got 0");
    assertThatThrownBy(() -> Vae.builder().image(28, 0, 1)).hasMessageContaining("28 x 0 x 1");
    assertThatThrownBy(() -> Vae.builder().image(1 << 16, 1 << 16, 1))
        .hasMessage("vae: an image must have at most 2147483647 numbers, got 65536 x 65536 x 1");
    assertThatThrownBy(() -> Vae.builder().likelihood(null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("likelihood");
    assertThatThrownBy(() -> Vae.builder().hidden(3, 0)).hasMessageContaining("[3, 0]");
    assertThatThrownBy(() -> Vae.builder().samples(0)).hasMessageContaining("got 0");
    assertThatThrownBy(() -> Vae.builder().beta(Float.NaN)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> Vae.builder().warmup(-1)).hasMessageContaining("got -1");
    assertThatThrownBy(() -> Vae.builder().image(28, 28, 1).convolutions(8, 8, 8).build(device))
        .hasMessage(
            "vae: images of 28 x 28 cannot be halved 3 times: use fewer convolutions, or images"
                + " whose sizes are multiples of 8");
    assertThatThrownBy(() ->
            Vae.builder()
                .likelihood(Likelihood.learnedGaussian())
                .binarization(Binarization.DYNAMIC)
                .build(device))
        .hasMessageContaining("use binarization none");
    assertThatThrownBy(() -> Likelihood.gaussian(0)).hasMessageContaining("above 0, got 0.0");
    assertThatThrownBy(() -> Likelihood.parse("poisson")).hasMessageContaining("'poisson'");
    assertThatThrownBy(() -> Likelihood.parse("gaussian:x")).hasMessageContaining("number");
    try (Vae model = small().build(device)) {
      assertThatThrownBy(() -> model.encode(new float[7]))
          .hasMessage("vae: expected a multiple of 784 numbers, got 7");
      float[] images = new float[2 * 784];
      images[784 + 3] = Float.NaN;
      assertThatThrownBy(() -> model.encode(images))
          .hasMessage("vae: number 3 of sample 1 is NaN: expected finite numbers");
      assertThatThrownBy(() -> model.elbo(images, 1)).hasMessageContaining("is NaN");
      assertThatThrownBy(() -> model.elbo(new float[0], 1))
          .hasMessage("vae: expected at least 1 image for the bound, got none");
      assertThatThrownBy(() -> model.logLikelihoods(images, 1, 1)).hasMessageContaining("is NaN");
      assertThatThrownBy(() -> model.logLikelihoods(new float[784], 0, 1))
          .hasMessageContaining("at least 1 sample");
      assertThatThrownBy(() -> model.sample(0, 1)).hasMessageContaining("at least 1 sample");
    }
  }
}

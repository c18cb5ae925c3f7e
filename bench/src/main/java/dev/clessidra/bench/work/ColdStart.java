package dev.clessidra.bench.work;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.Model;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The time from the start of a process to its end: a new virtual machine opens the device, loads
 * the deep autoencoder from its file, restores one image, prints some of it and ends. A library in
 * Java does the same, as a {@link ProgramStart} too.
 *
 * <p>Inputs are the model's parameters by name, and {@value ModelLatency#IMAGE}. The result is the
 * first {@value #PRINTED} pixels of the restored image.
 */
public record ColdStart() implements Work {
  /** The family's name. */
  public static final String FAMILY = "cold-start";

  /** The numbers that are printed. */
  public static final int PRINTED = 10;

  private static final TrainedModel MODEL = TrainedModel.DEEP_AUTOENCODER;
  private static final int PIXELS = 784;

  /** Which model is loaded. */
  public TrainedModel model() {
    return MODEL;
  }

  @Override
  public String label() {
    return "%s %s".formatted(FAMILY, MODEL);
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public double operations() {
    return 0;
  }

  @Override
  public double bytes() {
    return 0;
  }

  @Override
  public Inputs inputs() {
    Inputs.Builder inputs = Inputs.builder().floats(ModelLatency.IMAGE, FirstResult.image(PIXELS));
    try (Device device = Device.open("cpu");
        Model model = MODEL.model(device)) {
      TrainedModel.addParameters(inputs, model);
    }
    return inputs.build();
  }

  @Override
  public int resultSize() {
    return PRINTED;
  }

  @Override
  public Implementation on(Device device, Inputs inputs) {
    Path folder = folder();
    Path file = folder.resolve("model.safetensors");
    try (Model model = MODEL.model(device)) {
      model.save(file);
    }
    return new ProgramStart(FirstResult.class, folder, file.toString(), device.name());
  }

  /** A new folder for the file that a {@link ProgramStart} loads. */
  public static Path folder() {
    try {
      return Files.createTempDirectory("clessidra-cold-start");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

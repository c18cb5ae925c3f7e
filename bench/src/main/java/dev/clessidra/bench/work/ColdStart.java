package dev.clessidra.bench.work;

import dev.clessidra.kernels.Device;
import dev.clessidra.models.Model;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The time from the start of a process to its end: a new virtual machine opens the device, loads
 * the deep autoencoder from its file, restores one image, prints some of it and ends. With the
 * options and the settings that Clessidra has here and those of its launcher, a cache of classes
 * among them, which is made beforehand.
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
    try {
      Path folder = Files.createTempDirectory("clessidra-cold-start");
      try (Model model = MODEL.model(device)) {
        model.save(folder.resolve("model.safetensors"));
      }
      return new Start(folder, device.name());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Waits for the line, and for the process to end.
   *
   * @throws IllegalStateException if there is no line, or the process fails after it
   */
  static String start(List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      try (BufferedReader output = process.inputReader()) {
        String line = output.readLine();
        int code = process.waitFor();
        if (line == null || code != 0) {
          throw new IllegalStateException(
              "the process ended with code %d and %s result"
                  .formatted(code, line == null ? "no" : "a"));
        }
        return line;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a process ran", e);
    }
  }

  private static final class Start implements Implementation {
    private final Path folder;
    private final List<String> command;
    private String line = "";

    Start(Path folder, String device) {
      this.folder = folder;
      Path cache = folder.resolve("classes.aot");
      ColdStart.start(command(device, "-Xlog:disable", "-XX:AOTCacheOutput=" + cache));
      command =
          Files.isRegularFile(cache)
              ? command(device, "-XX:AOTCache=" + cache, "-Xlog:aot=off", "-Xlog:cds=off")
              : command(device);
    }

    private List<String> command(String device, String... options) {
      List<String> words = new ArrayList<>();
      words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      words.addAll(
          List.of(
              "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"));
      words.addAll(List.of(options));
      System.getProperties()
          .forEach((name, value) -> {
            if (name.toString().startsWith("clessidra.")) {
              words.add("-D%s=%s".formatted(name, value));
            }
          });
      words.addAll(List.of("-cp", System.getProperty("java.class.path")));
      words.addAll(
          List.of(
              FirstResult.class.getName(), folder.resolve("model.safetensors").toString(), device));
      return words;
    }

    @Override
    public void run() {
      line = ColdStart.start(command);
    }

    @Override
    public float[] result() {
      run();
      String[] numbers = line.strip().split(" ", -1);
      float[] values = new float[numbers.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = Float.parseFloat(numbers[i]);
      }
      return values;
    }

    @Override
    public void close() {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}

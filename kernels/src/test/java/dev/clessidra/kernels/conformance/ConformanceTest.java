package dev.clessidra.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import dev.clessidra.kernels.DeviceOptions;
import dev.clessidra.kernels.EmulatedDriver;
import dev.clessidra.kernels.EmulatedDriver.Order;
import dev.clessidra.kernels.Kernel;
import dev.clessidra.kernels.TestDevices;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every kernel against its plain scalar definition, to the bit. */
final class ConformanceTest {
  private static final int DIFFERENCES_SHOWN = 10;

  private static final List<Device> DEVICES = new ArrayList<>();

  /**
   * Opens the devices under test, of the CPU one for each instruction set that the machine has and
   * 1, 2 and 3 threads.
   */
  @BeforeAll
  static void openDevices() {
    for (String name : TestDevices.names()) {
      if (name.equals("cpu")) {
        openCpus();
      } else {
        DEVICES.add(Device.open(name));
      }
    }
  }

  private static void openCpus() {
    for (String instructionSet : List.of("portable", "avx2", "avx512")) {
      for (int threads = 1; threads <= 3; threads++) {
        DeviceOptions options =
            DeviceOptions.defaults()
                .withDevice("cpu")
                .withInstructionSet(instructionSet)
                .withThreads(threads);
        try {
          DEVICES.add(Device.open(options));
        } catch (DeviceException e) {
          assertThat(e).hasMessageContaining("not supported by this machine");
          assertThat(instructionSet).isNotEqualTo("portable");
        }
      }
    }
  }

  @AfterAll
  static void closeDevices() {
    DEVICES.forEach(Device::close);
    DEVICES.clear();
  }

  @ParameterizedTest
  @EnumSource
  void kernelGivesTheBitsOfItsDefinitionOnEveryDevice(Kernel kernel) {
    List<Launch> launches = Launches.of(kernel, Launches.SEED);
    assertThat(launches).as("launches of %s to try", kernel).isNotEmpty();
    List<String> differences = new ArrayList<>();
    for (Launch launch : launches) {
      List<byte[]> expected = launch.define();
      List<Device> devices = launch.isHeavy() ? someDevices() : DEVICES;
      for (Device device : devices) {
        launch
            .difference(launch.run(device), expected)
            .map(difference -> "%s: %s".formatted(device.description(), difference))
            .ifPresent(differences::add);
      }
      assertThat(differences.size()).as("%s", differences).isLessThan(DIFFERENCES_SHOWN);
    }
    assertThat(differences).isEmpty();
  }

  /** In an order of threads that shows a missing barrier, which a random one may hide. */
  @ParameterizedTest
  @EnumSource
  void anAdversarialOrderOfThreadsChangesNothing(Kernel kernel) {
    Device device = DEVICES.getFirst();
    assumeTrue(device.name().equals("emulated"), "only the emulated GPU has an order to choose");
    for (Order order : List.of(Order.ONE_WARP_AHEAD, Order.LAST_BLOCK_FIRST)) {
      EmulatedDriver.setOrder(order);
      try {
        for (Launch launch : Launches.of(kernel, Launches.SEED)) {
          if (!launch.isHeavy()) {
            assertThat(launch.difference(launch.run(device), launch.define())).isEmpty();
          }
        }
      } finally {
        EmulatedDriver.setOrder(Order.RANDOM);
      }
    }
  }

  /** On a device that sees each step beyond a buffer, and whose buffers end with the operands. */
  @ParameterizedTest
  @EnumSource
  void nothingBeyondTheOperandsIsRead(Kernel kernel) {
    assumeTrue(
        DEVICES.getFirst().name().equals("emulated"), "only the emulated GPU watches its memory");
    DeviceOptions options = DeviceOptions.defaults().withDevice("emulated").withDebug(true);
    try (Device watching = Device.open(options)) {
      for (Launch launch : Launches.of(kernel, Launches.SEED)) {
        if (!launch.isHeavy()) {
          assertThat(launch.difference(launch.runUnguarded(watching), launch.define())).isEmpty();
        }
      }
    }
  }

  /** One CPU, which is enough for launches that take long, and all others. */
  private static List<Device> someDevices() {
    Device cpu = DEVICES.getLast();
    return DEVICES.stream().filter(d -> d == cpu || !d.name().equals("cpu")).toList();
  }

  @ParameterizedTest
  @EnumSource
  void kernelThatDoesNothingWouldBeSeen(Kernel kernel) {
    List<Launch> launches = Launches.of(kernel, Launches.SEED);
    List<Launch> unseen =
        launches.stream()
            .filter(launch -> !launch.isHeavy())
            .filter(launch -> launch.difference(launch.before(), launch.define()).isEmpty())
            .toList();
    assertThat(unseen.size())
        .as("launches of %d that change nothing: %s", launches.size(), unseen)
        .isLessThanOrEqualTo(launches.size() / 4);
  }

  @Test
  void otherSeedWouldBeSeen() {
    Launch launch = Launches.random(new Values(1), 0, 100, 3, 42);
    Launch other = Launches.random(new Values(1), 0, 100, 3, 43);
    assertThat(difference(launch, other)).isPresent();
    assertThat(difference(launch, launch)).isEmpty();
  }

  @Test
  void otherBetaWouldBeSeen() {
    Launch launch = Launches.gemm(new Values(1), 5, 6, 7, 1, false, true, 0, true, 1);
    Launch other = Launches.gemm(new Values(1), 5, 6, 7, 1, false, true, 0, true, 0.999999f);
    assertThat(difference(launch, other)).isPresent();
    assertThat(difference(launch, launch)).isEmpty();
  }

  @Test
  void otherSecondMomentWouldBeSeen() {
    Launch launch = Launches.adam(new Values(1), 20, 0, 0, 0.99f);
    Launch other = Launches.adam(new Values(1), 20, 0, 0, 0.999f);
    assertThat(difference(launch, other)).isPresent();
    assertThat(difference(launch, launch)).isEmpty();
  }

  @Test
  void oneFlippedBitWouldBeSeen() {
    Launch launch = Launches.random(new Values(1), 1, 100, 3, 42);
    List<byte[]> expected = launch.define();
    for (int i = 0; i < expected.getFirst().length; i++) {
      List<byte[]> actual = launch.define();
      actual.getFirst()[i] ^= 1;
      assertThat(launch.difference(actual, expected)).isPresent();
    }
  }

  @Test
  void oneElementTooManyWouldBeSeen() {
    Values values = new Values(1);
    Launch launch =
        new Launch(Kernel.FILL, values).output("y", 7).int64("count", 8).float32("value", 1);
    List<byte[]> result = launch.run(DEVICES.getFirst());
    assertThat(launch.difference(result, launch.define()))
        .hasValueSatisfying(text -> assertThat(text).contains("guard of y overwritten"));
  }

  @Test
  void readingBeyondAnOperandWouldBeSeen() {
    assumeTrue(
        DEVICES.getFirst().name().equals("emulated"), "only the emulated GPU watches its memory");
    DeviceOptions options = DeviceOptions.defaults().withDevice("emulated").withDebug(true);
    try (Device watching = Device.open(options)) {
      Launch launch =
          new Launch(Kernel.ACTIVATION_FORWARD, new Values(1))
              .input("x", new float[8])
              .output("y", 80) // the emulated GPU rounds up to 64 floats
              .int64("count", 80)
              .int32("activation", 0)
              .float32("slope", 0);
      assertThatExceptionOfType(DeviceException.class)
          .isThrownBy(() -> launch.runUnguarded(watching))
          .withMessageContaining("activation_forward");
    } finally {
      EmulatedDriver.reset();
    }
  }

  private static Optional<String> difference(Launch launch, Launch other) {
    return launch.difference(other.run(DEVICES.getLast()), launch.define());
  }
}

package dev.clessidra.bench.baselines;

import dev.clessidra.bench.work.Implementation;
import dev.clessidra.bench.work.Inputs;
import dev.clessidra.bench.work.Work;
import dev.clessidra.kernels.Device;
import java.util.Optional;

/** What the baselines are compared with: this project's own kernels, and models made of them. */
public final class Clessidra implements Library {
  /** The name in tables. */
  public static final String NAME = "clessidra";

  private final Device device;

  /** Runs works on a device, which is not closed with this. */
  public Clessidra(Device device) {
    this.device = device;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String version() {
    String version = Device.class.getPackage().getImplementationVersion();
    return version == null ? "not packaged" : version;
  }

  @Override
  public Optional<Implementation> prepare(Work work, Inputs inputs) {
    return Optional.of(work.on(device, inputs));
  }

  @Override
  public void close() {}
}

package dev.clessidra.kernels;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What the CPU kernels are compiled for, from the least to the most; ids are as in C. */
enum InstructionSet {
  PORTABLE(0),
  AVX2(1),
  AVX512(2);

  private final int id;

  InstructionSet(int id) {
    this.id = id;
  }

  int id() {
    return id;
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  static InstructionSet ofId(int id) {
    return supportedWith(id).getLast();
  }

  /** Returns the sets up to the best one. */
  static List<InstructionSet> supportedWith(int best) {
    return Arrays.stream(values()).filter(set -> set.id <= best).toList();
  }

  /**
   * Returns the set with a name.
   *
   * @param name {@code auto} for the best, or a label
   * @param best id of the best that this machine supports
   * @throws DeviceException if there is no such set or the machine does not support it
   */
  static InstructionSet parse(String name, int best) {
    if (name.equals("auto")) {
      return ofId(best);
    }
    InstructionSet set =
        Arrays.stream(values())
            .filter(candidate -> candidate.label().equals(name))
            .findFirst()
            .orElseThrow(() ->
                new DeviceException(
                    "Instruction set '%s' is unknown: expected auto, portable, avx2 or avx512."
                        .formatted(name)));
    if (set.id > best) {
      throw new DeviceException(
          "Instruction set %s is not supported by this machine: choose auto, or up to %s."
              .formatted(name, ofId(best).label()));
    }
    return set;
  }
}

package dev.clessidra.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * What a capture has seen: launches with their arguments, and which buffers were made meanwhile.
 * Nothing in it belongs to one kind of device.
 *
 * <p>Used by the capturing thread only, apart from {@link #requireForeign}.
 */
final class Recording {

  /** A launch; the arguments are a copy. */
  static final class Launch {
    private final Kernel kernel;
    private final MemorySegment arguments;
    private final List<Pointer> pointers;

    private Launch(Kernel kernel, MemorySegment arguments, List<Pointer> pointers) {
      this.kernel = kernel;
      this.arguments = arguments;
      this.pointers = pointers;
    }

    Kernel kernel() {
      return kernel;
    }

    /** Returns the argument struct, exactly. */
    MemorySegment arguments() {
      return arguments;
    }
  }

  /** A pointer field that points into a buffer made during the capture. */
  private record Pointer(int field, int temporary, long offset) {}

  /** Makes what a device replays of launches whose addresses are final. */
  interface Compiler {
    Program.Executable compile(List<Launch> launches);
  }

  private final DeviceMemory memory;
  private final Thread thread = Thread.currentThread();
  private final List<Launch> launches = new ArrayList<>();
  private final List<Region> temporaries = new ArrayList<>();
  private final Map<Region, Integer> indices = new HashMap<>();
  // Buffers made before the capture, each with the first kernel that uses it.
  private final SequencedMap<Region, Kernel> outside = new LinkedHashMap<>();

  Recording(DeviceMemory memory) {
    this.memory = memory;
  }

  boolean isOfThisThread() {
    return Thread.currentThread().threadId() == thread.threadId();
  }

  /** Checks that a launch of another thread, which is not recorded, uses nothing made inside. */
  void requireForeign(Kernel kernel, MemorySegment arguments) {
    for (Kernel.Field field : kernel.pointers()) {
      Region region = memory.find(arguments.get(ValueLayout.JAVA_LONG, field.offset()));
      if (region != null && region.madeIn == this) {
        throw new IllegalStateException(
            "Buffer '%s' is of a capture by thread '%s': launch from that thread."
                .formatted(region.label(), thread.getName()));
      }
    }
  }

  void allocated(Region region) {
    region.madeIn = this;
    indices.put(region, temporaries.size());
    temporaries.add(region);
  }

  void launched(Kernel kernel, MemorySegment arguments) {
    // Backed by longs, so that its fields are aligned.
    MemorySegment copy = MemorySegment.ofArray(new long[kernel.argumentBytes() / Long.BYTES]);
    MemorySegment.copy(arguments, 0, copy, 0, kernel.argumentBytes());
    List<Pointer> pointers = new ArrayList<>();
    for (Kernel.Field field : kernel.pointers()) {
      long address = copy.get(ValueLayout.JAVA_LONG, field.offset());
      // A pointer to memory that is not the device's stays as it is.
      Region region = address == 0 ? null : memory.find(address);
      if (region != null) {
        Integer temporary = indices.get(region);
        if (temporary == null) {
          outside.putIfAbsent(region, kernel);
        } else {
          pointers.add(new Pointer(field.offset(), temporary, address - region.address()));
        }
      }
    }
    launches.add(new Launch(kernel, copy, pointers));
  }

  /** Plans the memory, compiles the program, and moves what is still open into its memory. */
  Program freeze(Compiler compiler) {
    requireOutsideOpen();
    temporaries.forEach(region -> region.madeIn = null);
    List<Region> outputs = temporaries.stream().filter(Region::isOpen).toList();
    MemoryPlan plan = MemoryPlan.of(lifetimes());
    Region arena =
        plan.arenaBytes() == 0
            ? null
            : memory.allocate(memory.root(), "program arena", plan.arenaBytes());
    long base = arena == null ? 0 : arena.address();
    for (Launch launch : launches) {
      for (Pointer pointer : launch.pointers) {
        long start = base + plan.offset(pointer.temporary);
        launch.arguments.set(ValueLayout.JAVA_LONG, pointer.field, start + pointer.offset);
      }
    }
    Program.Executable executable;
    try {
      executable = compiler.compile(launches);
    } catch (Throwable e) {
      if (arena != null) {
        memory.release(arena, "its program was not made");
      }
      throw e;
    }
    for (Region output : outputs) {
      memory.move(output, base + plan.offset(indices.get(output)));
    }
    return new Program(
        memory,
        executable,
        List.copyOf(outside.sequencedKeySet()),
        outputs,
        arena,
        new PlanStatistics(
            plan.arenaBytes(),
            plan.lowerBoundBytes(),
            plan.totalBytes(),
            plan.buffers(),
            launches.size()),
        launches.stream().mapToDouble(launch -> launch.kernel.operations(launch.arguments)).sum());
  }

  private void requireOutsideOpen() {
    outside.forEach((region, kernel) -> {
      if (!region.isOpen()) {
        throw new IllegalStateException(
            ("Buffer '%s' was made before the capture, used in it by %s, and closed in it, so"
                    + " the work cannot be replayed: close it later, or make it inside.")
                .formatted(region.label(), kernel.nativeName()));
      }
    });
  }

  /** Returns when each temporary is live: from its first use to its last, outputs to the end. */
  private List<MemoryPlan.Lifetime> lifetimes() {
    int[] first = new int[temporaries.size()];
    int[] last = new int[temporaries.size()];
    Arrays.fill(first, -1);
    for (int launch = 0; launch < launches.size(); launch++) {
      for (Pointer pointer : launches.get(launch).pointers) {
        if (first[pointer.temporary] < 0) {
          first[pointer.temporary] = launch;
        }
        last[pointer.temporary] = launch;
      }
    }
    List<MemoryPlan.Lifetime> lifetimes = new ArrayList<>();
    for (int i = 0; i < first.length; i++) {
      Region region = temporaries.get(i);
      if (region.isOpen()) {
        // An output that no launch uses keeps what it has for good.
        first[i] = Math.max(first[i], 0);
        last[i] = Math.max(launches.size() - 1, 0);
      }
      // A buffer that was neither used nor kept needs no place.
      lifetimes.add(
          new MemoryPlan.Lifetime(
              first[i] < 0 ? 0 : region.byteSize(), Math.max(first[i], 0), last[i]));
    }
    return lifetimes;
  }
}

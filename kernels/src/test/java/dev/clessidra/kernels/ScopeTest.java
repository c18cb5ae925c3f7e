package dev.clessidra.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ScopeTest {
  private static final DeviceOptions CPU = DeviceOptions.defaults().withDevice("cpu");

  private final Device device = Device.open(CPU);

  @AfterEach
  void close() {
    device.close();
  }

  @Test
  void closingAScopeReleasesItsBuffersAndThoseOfItsChildren() {
    Scope scope = device.scope();
    Buffer own = scope.allocate("own", 4);
    Scope child = scope.child();
    Buffer inside = child.allocate("inside", 4);
    scope.close();
    assertThat(own.isOpen()).isFalse();
    assertThat(inside.isOpen()).isFalse();
    assertThat(child.isOpen()).isFalse();
    assertThat(device.memory().liveBuffers()).isZero();
    assertThatCode(scope::close).doesNotThrowAnyException();
  }

  @Test
  void closingAChildLeavesTheParentsBuffers() {
    try (Scope scope = device.scope()) {
      Buffer own = scope.allocate("own", 4);
      scope.child().close();
      assertThat(own.isOpen()).isTrue();
      assertThat(scope.isOpen()).isTrue();
    }
  }

  @Test
  void aBufferIsReleasedOnce() {
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 4);
      buffer.close();
      buffer.close();
      assertThat(device.memory().liveBuffers()).isZero();
    }
    assertThat(device.memory().liveBuffers()).isZero();
  }

  @Test
  void aPromotedBufferOutlivesItsScope() {
    try (Scope scope = device.scope()) {
      Buffer buffer;
      try (Scope child = scope.child()) {
        buffer = child.allocate("x", 4);
        child.promote(buffer, scope);
      }
      assertThat(buffer.isOpen()).isTrue();
      device.copyToDevice(new float[] {1}, buffer);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> scope.child().promote(buffer, scope))
          .withMessage(
              "Buffer 'x' is not owned by this scope: promote it from the one that owns it.");
    }
    assertThat(device.memory().liveBuffers()).isZero();
  }

  @Test
  void buffersAreNotPromotedToAnotherDeviceOrAClosedScope() {
    try (Device other = Device.open(CPU);
        Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 4);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> scope.promote(buffer, other.scope()))
          .withMessage("Buffer 'x' cannot be promoted to a scope of another device.");
      Scope closed = scope.child();
      closed.close();
      assertThatIllegalStateException().isThrownBy(() -> scope.promote(buffer, closed));
      assertThat(buffer.isOpen()).isTrue();
    }
  }

  @Test
  void aClosedScopeGivesNothing() {
    Scope scope = device.scope();
    scope.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> scope.allocate("x", 4))
        .withMessage("Scope is closed: allocate from one that is open, or close it later.");
    assertThatIllegalStateException().isThrownBy(scope::child);
    assertThat(device.memory().liveBuffers()).isZero();
  }

  @Test
  void useAfterCloseNamesTheBuffer() {
    Scope scope = device.scope();
    Buffer buffer = scope.allocate("weights", 40);
    Buffer slice = buffer.slice(4, 8);
    scope.close();
    assertThat(slice.isOpen()).isFalse();
    assertThatIllegalStateException()
        .isThrownBy(buffer::address)
        .withMessage("Buffer 'weights' (40 bytes) is used after its scope was closed.");
    assertThatIllegalStateException().isThrownBy(slice::address);
    assertThatIllegalStateException().isThrownBy(() -> slice.slice(0, 1));
    assertThatIllegalStateException().isThrownBy(() -> device.copyToHost(buffer, new float[10]));
    assertThatIllegalStateException().isThrownBy(() -> device.kernels().fill(buffer, 1, 0));
    assertThat(buffer).hasToString("Buffer 'weights' (40 bytes, closed)");
  }

  @Test
  void debuggingTellsWhereABufferWasMadeAndClosed() {
    try (Device debug = Device.open(CPU.withDebug(true));
        Scope scope = debug.scope()) {
      Buffer buffer = scope.allocate("weights", 40);
      buffer.close();
      assertThatIllegalStateException()
          .isThrownBy(buffer::address)
          .withMessageMatching(
              "Buffer 'weights' \\(40 bytes\\) is used after it was closed at [^<]*ScopeTest\\."
                  + "debuggingTells.*; it was made at [^<]*ScopeTest\\.debuggingTells.*");
    }
  }

  @Test
  void debuggingFillsNewMemoryWithNan() {
    try (Device debug = Device.open(CPU.withDebug(true));
        Scope scope = debug.scope()) {
      Buffer buffer = scope.allocate("x", 8);
      debug.copyToDevice(new float[] {1, 2}, buffer);
      buffer.close();
      float[] fresh = new float[2];
      debug.copyToHost(scope.allocate("y", 8), fresh);
      assertThat(fresh).containsExactly(Float.NaN, Float.NaN);
    }
  }

  @Test
  void slicesAreViewsThatDoNotOwn() {
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 40);
      Buffer slice = buffer.slice(8, 16).slice(4, 4);
      assertThat(slice.address()).isEqualTo(buffer.address() + 12);
      assertThat(slice.byteSize()).isEqualTo(4);
      assertThat(slice.label()).isEqualTo("x");
      slice.close();
      buffer.slice(0, 40).close();
      assertThat(buffer.isOpen()).isTrue();
    }
  }

  @Test
  void slicesHaveToBeInside() {
    try (Scope scope = device.scope()) {
      Buffer buffer = scope.allocate("x", 40);
      assertThat(buffer.slice(40, 0).byteSize()).isZero();
      for (long[] bad :
          new long[][] {{0, 41}, {-1, 4}, {4, -1}, {41, 0}, {Long.MAX_VALUE, Long.MAX_VALUE}}) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
            .isThrownBy(() -> buffer.slice(bad[0], bad[1]))
            .withMessage(
                "Slice of %d bytes at %d is not inside buffer 'x' of 40 bytes.", bad[1], bad[0]);
      }
    }
  }

  @Test
  void negativeSizesAreRefused() {
    try (Scope scope = device.scope()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> scope.allocate("x", -1))
          .withMessage("Buffer 'x' is to have -1 bytes: expected 0 or more.");
      assertThat(scope.allocate("nothing", 0).byteSize()).isZero();
    }
  }

  @Test
  void buffersAreAlignedTo64Bytes() {
    try (Scope scope = device.scope()) {
      for (int bytes : new int[] {1, 100, 513, 3_000_001}) {
        assertThat(scope.allocate("x", bytes).address() % 64).isZero();
      }
    }
  }
}

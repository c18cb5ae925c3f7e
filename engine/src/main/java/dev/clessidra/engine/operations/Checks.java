package dev.clessidra.engine.operations;

import dev.clessidra.engine.ForwardContext;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.Tensor;
import java.util.List;

/** Checks of inputs whose messages name the operation, what was given and what was expected. */
final class Checks {
  private Checks() {}

  static IllegalArgumentException misfit(String operation, String message) {
    return new IllegalArgumentException(operation + ": " + message);
  }

  static void count(String operation, List<Tensor> inputs, int expected) {
    if (inputs.size() != expected) {
      throw misfit(operation, "expected " + expected + " inputs, got " + inputs.size());
    }
  }

  /** The only input. */
  static Tensor single(String operation, List<Tensor> inputs) {
    count(operation, inputs, 1);
    return inputs.getFirst();
  }

  static void rank(String operation, String role, Shape shape, int expected, String form) {
    if (shape.rank() != expected) {
      throw misfit(operation, role + " " + shape + " does not fit: expected " + form);
    }
  }

  static void sameShape(String operation, String role, Shape given, String other, Shape expected) {
    if (!given.equals(expected)) {
      throw misfit(
          operation,
          role
              + " "
              + given
              + " does not fit "
              + other
              + " "
              + expected
              + ": expected equal shapes");
    }
  }

  /** That a tensor has {@code repeats} rows for each row of another, of as many columns. */
  static void repeatedRows(
      String operation, String role, Shape given, String other, Shape once, int repeats) {
    if (repeats < 1) {
      throw misfit(operation, "expected at least 1 repeat, got " + repeats);
    }
    if (given.columns() != once.columns()
        || given.rows() != Math.multiplyExact(once.rows(), (long) repeats)) {
      throw misfit(
          operation,
          "%s %s does not fit %s %s: expected equal columns and %d rows for each"
              .formatted(role, given, other, once, repeats));
    }
  }

  static void constant(String operation, String role, ForwardContext context, int input) {
    if (context.needsGradient(input)) {
      throw misfit(operation, role + " depends on a parameter: expected a constant");
    }
  }

  /** The rows of a tensor read as a matrix, which a matrix product takes as an int. */
  static int rows(String operation, Shape shape) {
    if (shape.rows() > Integer.MAX_VALUE) {
      throw misfit(operation, "input " + shape + " has too many rows: at most 2147483647");
    }
    return (int) shape.rows();
  }
}

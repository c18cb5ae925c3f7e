package dev.clessidra.models.report;

import java.math.BigDecimal;
import java.math.MathContext;

/** Numbers for people and for SVG, the same in every locale. */
final class Numbers {
  private Numbers() {}

  /** Up to four significant digits; a power of ten where that is shorter to read. */
  static String compact(double value) {
    if (!Double.isFinite(value)) {
      return Double.isNaN(value) ? "not a number" : value > 0 ? "infinity" : "-infinity";
    }
    if (value == 0) {
      return "0";
    }
    double magnitude = Math.abs(value);
    BigDecimal rounded =
        new BigDecimal(value)
            .round(
                magnitude >= 1000 && magnitude < 1e6
                    ? new MathContext((int) Math.log10(magnitude) + 1)
                    : new MathContext(4))
            .stripTrailingZeros();
    if (magnitude >= 1e-4 && magnitude < 1e6) {
      return rounded.toPlainString();
    }
    int exponent = rounded.precision() - rounded.scale() - 1;
    return rounded.movePointLeft(exponent).stripTrailingZeros().toPlainString() + "e" + exponent;
  }

  /** A coordinate, to a tenth. */
  static String coordinate(double value) {
    long tenths = Math.round(value * 10);
    return tenths % 10 == 0
        ? Long.toString(tenths / 10)
        : BigDecimal.valueOf(tenths, 1).toPlainString();
  }
}

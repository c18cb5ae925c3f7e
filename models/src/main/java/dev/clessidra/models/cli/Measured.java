package dev.clessidra.models.cli;

import com.google.gson.JsonObject;
import java.util.List;

/** How good models are on test data. */
interface Measured {
  /** The numbers as lines for a person. */
  List<String> lines();

  /** The numbers for a program. */
  JsonObject json();
}

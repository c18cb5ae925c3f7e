package dev.clessidra.models.cli;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** Lists the options of a command's help under headings, by the {@code order} of each option. */
final class HelpSections {
  static final int MODEL = 100;
  static final int DATA = 200;
  static final int TRAINING = 300;
  static final int RUN = 400;
  static final int DEVICE = 500;
  static final int OTHER = 900;

  private static final int WIDTH = 100; // of the orders of a section

  private static final Map<Integer, String> HEADINGS =
      Map.of(
          MODEL, "Model",
          DATA, "Data",
          TRAINING, "Training",
          RUN, "Run",
          DEVICE, "Device",
          OTHER, "Other options");

  private HelpSections() {}

  /** Sets the help of a command and all below it. */
  static void install(CommandLine commandLine) {
    commandLine
        .getHelpSectionMap()
        .put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, HelpSections::options);
    commandLine.getSubcommands().values().forEach(HelpSections::install);
  }

  private static String options(Help help) {
    Map<Integer, List<OptionSpec>> sections =
        help.commandSpec().options().stream()
            .filter(option -> !option.hidden())
            .sorted(Comparator.comparingInt(OptionSpec::order))
            .collect(
                Collectors.groupingBy(HelpSections::section, TreeMap::new, Collectors.toList()));
    StringBuilder text = new StringBuilder();
    sections.forEach((section, options) -> {
      Help.Layout layout = help.createDefaultLayout(options, List.of(), help.colorScheme());
      layout.addOptions(options, help.createDefaultParamLabelRenderer());
      text.append(String.format("%n%s:%n", HEADINGS.get(section))).append(layout);
    });
    return text.toString();
  }

  /** Options without an order, such as {@code --help}, come last. */
  private static int section(OptionSpec option) {
    int section = option.order() / WIDTH * WIDTH;
    return HEADINGS.containsKey(section) ? section : OTHER;
  }
}

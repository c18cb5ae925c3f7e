package dev.clessidra.models.cli;

import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code train}: holds a command for each kind of model. */
@Command(
    name = "train",
    header = "Train a model and write a run folder with the model and a report.",
    synopsisSubcommandLabel = "MODEL",
    commandListHeading = "%nModels:%n",
    footer = {
      "%nExamples:",
      "  clessidra train autoencoder                     on the digits that come with Clessidra",
      "  clessidra train deep --data mnist:FOLDER        on the four MNIST files of a folder",
      "  clessidra train sparse --data FOLDER            on a folder of pictures",
      "  clessidra train vae --latent 2 --plain          a plane of digits, and one without the"
          + " prior",
      "  clessidra train stacked --epochs 2 --out mine   shorter, into the folder mine",
      "  clessidra train unet --data FOLDER              on a folder of images and masks",
      "  clessidra train deep --resume runs/deep-1       go on with a training that was stopped",
      "%nCtrl-C stops a training; it writes a checkpoint and says how to go on. One is also written"
          + " every 2 minutes, from which train MODEL --resume goes on after a crash."
    })
final class TrainCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  private TrainCommand() {}

  /** The command with those below it, or only with that of a model where there is one. */
  static CommandLine commandLine(Environment environment, String model) {
    SequencedMap<String, Supplier<TrainModelCommand<?>>> models = new LinkedHashMap<>();
    models.put("autoencoder", () -> new TrainAutoencoderCommand(environment));
    models.put("sparse", () -> new TrainSparseCommand(environment));
    models.put("stacked", () -> new TrainStackedCommand(environment));
    models.put("deep", () -> new TrainDeepCommand(environment));
    models.put("vae", () -> new TrainVaeCommand(environment));
    models.put("unet", () -> new TrainUNetCommand(environment));
    CommandLine train = new CommandLine(new TrainCommand());
    if (models.containsKey(model)) {
      train.addSubcommand(models.get(model).get().commandLine());
    } else {
      models.values().forEach(command -> train.addSubcommand(command.get().commandLine()));
    }
    return train;
  }

  @Override
  public Integer call() {
    return Clessidra.missingCommand(spec);
  }
}

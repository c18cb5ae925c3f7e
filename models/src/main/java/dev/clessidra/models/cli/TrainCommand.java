package dev.clessidra.models.cli;

import java.util.concurrent.Callable;
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
      "  clessidra train stacked --epochs 2 --out mine   shorter, into the folder mine",
      "  clessidra train deep --resume runs/deep-1       go on with a training that was stopped",
      "%nCtrl-C stops a training; it writes a checkpoint and says how to go on."
    })
final class TrainCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    return Clessidra.missingCommand(spec);
  }
}

package dev.clessidra.models.cli;

import dev.clessidra.models.Model;
import dev.clessidra.models.data.Dataset;
import dev.clessidra.models.training.Trainer;
import java.util.List;
import picocli.CommandLine.Mixin;

/** What the training of all models of whole images has in common. */
abstract class TrainImagesCommand extends TrainModelCommand<Dataset> {
  @Mixin private DataSelection data;
  @Mixin private AugmentationOption augmentation;

  TrainImagesCommand(Environment environment) {
    super(environment);
  }

  @Override
  final DataSelection data() {
    return data;
  }

  @Override
  List<String> measures() {
    return List.of(Metrics.SQUARED_ERROR, Metrics.ERROR_RATE);
  }

  @Override
  final void check(Model model, double... stageEpochs) {
    super.check(model, stageEpochs);
    Trainer _ = augmentation.apply(Trainer.of(model));
  }

  @Override
  final void train(TrainingRun<Dataset> run) {
    try (Stages stages = new Stages(run, training(), augmentation)) {
      train(stages);
    }
  }

  /** Trains the stages that are not trained yet. */
  abstract void train(Stages stages);

  @Override
  Outcome outcome(TrainingRun<Dataset> run, boolean compare) {
    return new AutoencoderOutcome(
        run, Evaluation.of(run.folder(), run.dataset(), run.device(), compare));
  }
}

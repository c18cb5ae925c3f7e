package dev.clessidra.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clessidra.engine.Parameters;
import dev.clessidra.engine.Shape;
import dev.clessidra.engine.TrainingState;
import dev.clessidra.engine.initializers.Initializer;
import dev.clessidra.engine.optimizers.Adam;
import dev.clessidra.engine.optimizers.LearningRate;
import dev.clessidra.engine.optimizers.ParameterAverage;
import dev.clessidra.kernels.Device;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a checkpoint holds and refuses; that training resumes to the same bits: TrainingTest. */
class CheckpointTest {
  @TempDir private Path folder;
  private Path path;
  private Device device;
  private Parameters parameters;

  @BeforeEach
  void open() {
    path = folder.resolve("m.safetensors");
    device = Device.open("cpu");
    parameters = model(Shape.of(3, 2));
  }

  @AfterEach
  void close() {
    parameters.close();
    device.close();
  }

  private Parameters model(Shape weight) {
    return Parameters.builder(device)
        .add("weight", weight, Initializer.heNormal())
        .add("bias", Shape.of(2), Initializer.constant(3))
        .build(1);
  }

  private void assertRefused(Checkpoint checkpoint, String message) {
    float[] before = parameters.values().copyToArray();
    assertThatThrownBy(() -> checkpoint.load(path))
        .isInstanceOf(ModelFileException.class)
        .hasMessage(path + ": " + message);
    assertThat(parameters.values().copyToArray()).isEqualTo(before);
  }

  @Test
  void savesAndLoadsParametersUnderTheirNamesWithMetadata() {
    float[] saved = parameters.get("weight").copyToArray();
    Checkpoint.of(parameters).save(path, Map.of("model", "test"));
    try (ModelFile file = ModelFile.open(path)) {
      assertThat(file.entries().keySet()).containsExactly("bias", "weight");
      assertThat(file.readFloats("weight")).isEqualTo(saved);
    }
    parameters.get("weight").fill(0);
    assertThat(Checkpoint.of(parameters).load(path))
        .isEqualTo(Map.of("model", "test", Checkpoint.FORMAT_KEY, "1"));
    assertThat(parameters.get("weight").copyToArray()).isEqualTo(saved);
  }

  @Test
  void aTrainingCheckpointServesAsAModelAndNotTheOtherWayRound() {
    try (TrainingState state = new TrainingState(device, 5);
        Adam adam = Adam.builder(LearningRate.constant(0.1)).build(parameters, state);
        ParameterAverage average = new ParameterAverage(parameters, state, 0.9)) {
      adam.step();
      state.advance();
      Checkpoint full = Checkpoint.of(parameters).training(adam).average(average);
      full.save(path, Map.of());
      TrainingState.Snapshot snapshot = state.read();
      state.restart(77);
      assertThat(full.load(path)).containsEntry(Checkpoint.SEED_KEY, "5");
      assertThat(state.read()).isEqualTo(snapshot);
      assertThat(snapshot.step()).isOne();
      Checkpoint.of(parameters).load(path);

      Checkpoint.of(parameters).save(path, Map.of());
      assertRefused(
          Checkpoint.of(parameters).training(adam),
          "holds no training state, so training cannot be resumed from it");
      assertRefused(
          Checkpoint.of(parameters).average(average),
          "has no tensor \"average.bias\"; it has bias, weight");
    }
  }

  @Test
  void theSeedHasToBeTheSame() {
    try (TrainingState state = new TrainingState(device, 5);
        Adam adam = Adam.builder(LearningRate.constant(0.1)).build(parameters, state)) {
      Checkpoint.of(parameters).training(adam).save(path, Map.of());
    }
    try (TrainingState state = new TrainingState(device, 6);
        Adam adam = Adam.builder(LearningRate.constant(0.1)).build(parameters, state)) {
      assertRefused(
          Checkpoint.of(parameters).training(adam),
          "was trained with seed 5, this run has seed 6: resume with the same");
    }
  }

  @Test
  void aFileOfAnotherModelIsRefused() {
    try (Parameters wider = model(Shape.of(3, 4))) {
      Checkpoint.of(wider).save(path, Map.of());
      assertRefused(
          Checkpoint.of(parameters),
          "is of another model: tensor \"weight\" is F32 [3, 4], expected F32 [3, 2]");
    }
    try (Parameters other =
        Parameters.builder(device).add("filters", Shape.of(2), Initializer.zeros()).build(1)) {
      Checkpoint.of(other).save(path, Map.of());
      assertRefused(
          Checkpoint.of(parameters),
          "is of another model: it has a tensor \"filters\"; this model has weight, bias");
    }
    new ModelFileWriter()
        .add("bias", StoredType.F32, List.of(2L), MemorySegment.ofArray(new float[2]))
        .metadata(Checkpoint.FORMAT_KEY, "1")
        .write(path);
    assertRefused(Checkpoint.of(parameters), "has no tensor \"weight\"; it has bias");
    new ModelFileWriter().write(path);
    assertRefused(
        Checkpoint.of(parameters),
        "not a Clessidra model: metadata clessidra.format is missing, expected \"1\"");
    new ModelFileWriter().metadata(Checkpoint.FORMAT_KEY, "2").write(path);
    assertRefused(
        Checkpoint.of(parameters),
        "not a Clessidra model: metadata clessidra.format is \"2\", expected \"1\"");
  }

  @Test
  void reservedNamesAreRefused() {
    try (Parameters reserved =
        Parameters.builder(device)
            .add("optimizer.weight", Shape.of(2), Initializer.zeros())
            .build(1)) {
      assertThatThrownBy(() -> Checkpoint.of(reserved))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a parameter cannot be named \"optimizer.weight\"");
    }
    assertThatThrownBy(() -> Checkpoint.of(parameters).save(path, Map.of("clessidra.x", "")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("keys with clessidra. are reserved");
    try (Parameters others = model(Shape.of(1));
        TrainingState state = new TrainingState(device, 5);
        Adam adam = Adam.builder(LearningRate.constant(0.1)).build(others, state)) {
      assertThatThrownBy(() -> Checkpoint.of(parameters).training(adam))
          .hasMessage("checkpoint: the optimizer has other parameters");
    }
  }
}

package dev.clessidra.models.cli;

import java.util.HashMap;
import java.util.Map;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.OptionSpec;

/** The settings that each kind of model is trained with unless others are given. */
final class Recipes {
  /** Of the softmax regression that tells how good codes are. */
  static final double PROBE_EPOCHS = 10;

  static final double PROBE_LEARNING_RATE = 0.02;

  private static final Map<String, String> COMMON =
      recipe(
          "--data", "sample",
          "--seed", "1",
          "--batch", "256",
          "--optimizer", "adam",
          "--learning-rate", "0.001",
          "--schedule", "cosine",
          "--weight-decay", "0",
          "--augment", "0",
          "--average", "0");

  private static final Map<String, Map<String, String>> RECIPES =
      Map.of(
          "autoencoder",
          recipe(
              "--widths", "256,32",
              "--activation", "relu",
              "--code-activation", "identity",
              "--loss", "cross-entropy",
              "--tied", "false",
              "--noise", "0",
              "--epochs", "10"),
          "sparse",
          recipe(
              "--units", "1000",
              "--sparsity", "topk:25,75",
              "--loss", "squared-error",
              "--tied", "true",
              "--noise", "0",
              "--epochs", "15",
              "--learning-rate", "0.002",
              "--average", "0.999",
              "--probe-epochs", String.valueOf(PROBE_EPOCHS),
              "--probe-augment", "1",
              "--probe-learning-rate", String.valueOf(PROBE_LEARNING_RATE)),
          "stacked",
          recipe(
              "--widths", "1000,500,250",
              "--activation", "tanh",
              "--tied", "false",
              "--noise", "0.25",
              "--pretrain-epochs", "10",
              "--classifier-epochs", "5",
              "--epochs", "15",
              "--fine-tune-noise", "0.1",
              "--dropout", "0.2",
              "--average", "0.999",
              "--augment", "0.7"),
          "deep",
          recipe(
              "--widths", "1000,500,250,30",
              "--activation", "tanh",
              "--code-activation", "identity",
              "--loss", "cross-entropy",
              "--tied", "false",
              "--noise", "0",
              "--pretrain-epochs", "5",
              "--epochs", "30",
              "--learning-rate", "0.002",
              "--augment", "0.7",
              "--average", "0.999"),
          "vae",
          recipe(
              "--hidden", "200,200",
              "--latent", "50",
              "--activation", "tanh",
              "--likelihood", "bernoulli",
              "--binarization", "dynamic",
              "--objective", "elbo",
              "--samples", "1",
              "--beta", "1",
              "--warmup", "0.06",
              "--epochs", "30",
              "--batch", "100",
              "--learning-rate", "0.003"),
          "unet",
          recipe(
              "--data", "cells",
              "--depth", "4",
              "--width", "8",
              "--padding", "same",
              "--upsampling", "transposed",
              "--normalization", "batch",
              "--activation", "relu",
              "--dropout", "0",
              "--loss", "cross-entropy-and-dice",
              "--border-weight", "10",
              "--percentile", "0",
              "--gamma", "1",
              "--view", "0",
              "--augment", "1",
              "--elastic", "0",
              "--batch", "4",
              "--epochs", "10",
              "--optimizer", "adamw",
              "--learning-rate", "0.003",
              "--weight-decay", "0.01",
              "--average", "0.98"));

  private Recipes() {}

  /** Of names and values in turn. */
  private static Map<String, String> recipe(String... namesAndValues) {
    Map<String, String> recipe = new HashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      recipe.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    return Map.copyOf(recipe);
  }

  /** The defaults of the options of {@code train MODEL}. */
  static IDefaultValueProvider defaults(String model) {
    Map<String, String> own = RECIPES.get(model);
    return argument ->
        argument instanceof OptionSpec option
            ? own.getOrDefault(option.longestName(), COMMON.get(option.longestName()))
            : null;
  }
}

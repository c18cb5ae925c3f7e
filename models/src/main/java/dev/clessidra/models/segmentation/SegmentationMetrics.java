package dev.clessidra.models.segmentation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * How well masks agree with the truth. Immutable.
 *
 * @param images how many were compared
 * @param pixelError the share of pixels of another class than the truth's, over all images
 * @param classes the agreement of each class
 * @param rand the foreground-restricted Rand score, the mean over the images that have foreground;
 *     NaN where none has
 */
public record SegmentationMetrics(int images, double pixelError, List<Overlap> classes, Rand rand) {

  /** Checks nothing; copies the list. */
  public SegmentationMetrics {
    classes = List.copyOf(classes);
  }

  /**
   * The agreement of a class: with P its predicted and T its true pixels, the intersection over
   * union |P and T| / |P or T| and Dice's coefficient 2 |P and T| / (|P| + |T|), each in [0, 1] and
   * 1 where there are neither predicted nor true pixels.
   *
   * @param meanIou the mean over images of each image's intersection over union
   * @param meanDice the mean over images of each image's coefficient
   * @param pooledIou the intersection over union of the pixels of all images together
   * @param pooledDice the coefficient of the pixels of all images together
   */
  public record Overlap(double meanIou, double meanDice, double pooledIou, double pooledDice) {}

  /**
   * The foreground-restricted Rand score of the ISBI 2012 challenge (Arganda-Carreras et al.,
   * "Crowdsourcing the creation of image segmentation algorithms for connectomics", Frontiers in
   * Neuroanatomy 2015). With p_ij the share of the true foreground that is in predicted segment i
   * and true segment j, s_i and t_j its sums over j and over i: {@code split = sum p_ij^2 / sum
   * t_j^2}, {@code merge = sum p_ij^2 / sum s_i^2}, and their harmonic mean {@code score}. Segments
   * are {@link ConnectedComponents} of the foreground class; a true foreground pixel that was
   * predicted as another class is a segment by itself. All are in (0, 1], 1 being perfect.
   *
   * @param score 1 less the adapted Rand error
   * @param split below 1 where true segments were split
   * @param merge below 1 where true segments were merged
   */
  public record Rand(double score, double split, double merge) {}

  /** The mean agreement of the classes. */
  public Overlap mean() {
    return new Overlap(
        mean(Overlap::meanIou),
        mean(Overlap::meanDice),
        mean(Overlap::pooledIou),
        mean(Overlap::pooledDice));
  }

  private double mean(ToDoubleFunction<Overlap> value) {
    return classes.stream().mapToDouble(value).average().orElse(Double.NaN);
  }

  /**
   * Compares masks, with class 1 as the foreground of the Rand score.
   *
   * @throws IllegalArgumentException if the masks differ in number, size or classes
   */
  public static SegmentationMetrics of(Masks truth, Masks predicted) {
    return of(truth, predicted, 1);
  }

  /**
   * Compares masks.
   *
   * @param foreground the class whose components are segments for the Rand score
   * @throws IllegalArgumentException if the masks differ in number, size or classes
   */
  public static SegmentationMetrics of(Masks truth, Masks predicted, int foreground) {
    if (truth.count() != predicted.count()
        || truth.height() != predicted.height()
        || truth.width() != predicted.width()
        || truth.classes() != predicted.classes()) {
      throw new IllegalArgumentException(
          "metrics: %d masks of %dx%d, %d classes, do not fit %d of %dx%d, %d classes"
              .formatted(
                  predicted.count(),
                  predicted.height(),
                  predicted.width(),
                  predicted.classes(),
                  truth.count(),
                  truth.height(),
                  truth.width(),
                  truth.classes()));
    }
    int classes = truth.classes();
    long wrong = 0;
    Counts[] pooled = new Counts[classes];
    double[] iou = new double[classes];
    double[] dice = new double[classes];
    for (int c = 0; c < classes; c++) {
      pooled[c] = new Counts();
    }
    List<Rand> scores = new ArrayList<>();
    for (int i = 0; i < truth.count(); i++) {
      byte[] t = truth.bytes(i);
      byte[] p = predicted.bytes(i);
      for (int j = 0; j < t.length; j++) {
        wrong += t[j] == p[j] ? 0 : 1;
      }
      for (int c = 0; c < classes; c++) {
        Counts counts = Counts.of(t, p, c);
        iou[c] += counts.iou();
        dice[c] += counts.dice();
        pooled[c].add(counts);
      }
      Rand rand = rand(t, p, truth.height(), truth.width(), foreground);
      if (!Double.isNaN(rand.score())) {
        scores.add(rand);
      }
    }
    int images = truth.count();
    List<Overlap> overlaps = new ArrayList<>();
    for (int c = 0; c < classes; c++) {
      overlaps.add(
          new Overlap(iou[c] / images, dice[c] / images, pooled[c].iou(), pooled[c].dice()));
    }
    return new SegmentationMetrics(
        images,
        (double) wrong / ((long) images * truth.height() * truth.width()),
        overlaps,
        new Rand(
            scores.stream().mapToDouble(Rand::score).average().orElse(Double.NaN),
            scores.stream().mapToDouble(Rand::split).average().orElse(Double.NaN),
            scores.stream().mapToDouble(Rand::merge).average().orElse(Double.NaN)));
  }

  /** Pixels of a class. */
  private static final class Counts {
    private long both;
    private long truth;
    private long predicted;

    static Counts of(byte[] truth, byte[] predicted, int of) {
      Counts counts = new Counts();
      for (int i = 0; i < truth.length; i++) {
        boolean t = (truth[i] & 0xff) == of;
        boolean p = (predicted[i] & 0xff) == of;
        counts.truth += t ? 1 : 0;
        counts.predicted += p ? 1 : 0;
        counts.both += t && p ? 1 : 0;
      }
      return counts;
    }

    void add(Counts other) {
      both += other.both;
      truth += other.truth;
      predicted += other.predicted;
    }

    double iou() {
      long union = truth + predicted - both;
      return union == 0 ? 1 : (double) both / union;
    }

    double dice() {
      long total = truth + predicted;
      return total == 0 ? 1 : 2.0 * both / total;
    }
  }

  /** The score of one image; NaN where it has no true foreground. */
  private static Rand rand(byte[] truth, byte[] predicted, int height, int width, int foreground) {
    ConnectedComponents t = ConnectedComponents.of(truth, height, width, foreground);
    ConnectedComponents s = ConnectedComponents.of(predicted, height, width, foreground);
    Map<Long, Long> joint = new HashMap<>();
    long[] truePixels = new long[t.count() + 1];
    long[] predictedPixels = new long[s.count() + 1];
    long single = 0;
    for (int i = 0; i < truth.length; i++) {
      if (t.label(i) == 0) {
        continue;
      }
      truePixels[t.label(i)]++;
      if (s.label(i) == 0) {
        single++;
      } else {
        predictedPixels[s.label(i)]++;
        joint.merge((long) s.label(i) << 32 | t.label(i), 1L, Long::sum);
      }
    }
    double both = single;
    for (long pixels : joint.values()) {
      both += (double) pixels * pixels;
    }
    double sumTrue = sumOfSquares(truePixels);
    double sumPredicted = sumOfSquares(predictedPixels) + single;
    return new Rand(
        both / (0.5 * sumPredicted + 0.5 * sumTrue), both / sumTrue, both / sumPredicted);
  }

  private static double sumOfSquares(long[] values) {
    double sum = 0;
    for (long value : values) {
      sum += (double) value * value;
    }
    return sum;
  }
}

package dev.clessidra.models.analysis;

import dev.clessidra.models.data.ImageData;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.ejml.interfaces.decomposition.QRDecomposition;

/**
 * Principal component analysis: of all linear codes of a size, the one with the least squared
 * reconstruction error on the data it was fitted to (K. Pearson 1901, H. Hotelling 1933). A deep
 * autoencoder has to beat it.
 *
 * <p>Fitted by the eigenvectors of the covariance matrix, accumulated in double precision; of fewer
 * images than values by those of the products of the images. Images are taken as pixels in [0, 1].
 * The result does not depend on the number of threads. Immutable and thread-safe.
 */
public final class PrincipalComponents {
  /** The largest dimension that can be fitted; time grows with its cube, memory with its square. */
  public static final int LARGEST_DIMENSION = 4096;

  private static final int BLOCK = 256; // rows worked on at a time

  private final double[] mean;
  private final DMatrixRMaj basis; // [components, dimension], orthonormal rows
  private final double[] variances;
  private final double totalVariance;

  private PrincipalComponents(
      double[] mean, DMatrixRMaj basis, double[] variances, double totalVariance) {
    this.mean = mean;
    this.basis = basis;
    this.variances = variances;
    this.totalVariance = totalVariance;
  }

  /**
   * Fits to images, pixels in [0, 1].
   *
   * @param components size of the code, from 1 to the size of an image
   * @throws IllegalArgumentException if {@code components} is out of range or an image has more
   *     than {@link #LARGEST_DIMENSION} values
   */
  public static PrincipalComponents fit(ImageData images, int components) {
    return fit(new Pixels(images), components);
  }

  /**
   * Fits to the rows of a matrix.
   *
   * @param values a matrix {@code [count, dimension]}, row-major
   * @param dimension length of a row, up to {@link #LARGEST_DIMENSION}
   * @param components size of the code, from 1 to {@code dimension}
   * @throws IllegalArgumentException if a size is out of range or a value is not finite
   */
  public static PrincipalComponents fit(float[] values, int dimension, int components) {
    return fit(new Matrix(values, dimension), components);
  }

  private static PrincipalComponents fit(Rows rows, int components) {
    int dimension = rows.dimension();
    if (dimension > LARGEST_DIMENSION) {
      throw new IllegalArgumentException(
          "principal components of %d values: expected at most %d; make the images smaller"
              .formatted(dimension, LARGEST_DIMENSION));
    }
    if (components < 1 || components > dimension) {
      throw new IllegalArgumentException(
          "%d principal components of %d values: expected 1 to %d"
              .formatted(components, dimension, dimension));
    }
    double[] mean = mean(rows);
    if (rows.count() >= dimension) {
      DMatrixRMaj covariance = covariance(rows, mean);
      Eigenvectors found = Eigenvectors.of(covariance, components);
      DMatrixRMaj basis = new DMatrixRMaj(components, dimension);
      CommonOps_DDRM.transpose(found.columns, basis);
      return fitted(mean, basis, found.values, CommonOps_DDRM.trace(covariance));
    }
    // The covariance X'X of fewer rows than columns shares its eigenvalues but for zeros with XX'.
    DMatrixRMaj centred = scaled(rows, 0, rows.count());
    addMean(centred, mean, -1);
    DMatrixRMaj products = new DMatrixRMaj(rows.count(), rows.count());
    CommonOps_DDRM.multTransB(1.0 / rows.count(), centred, centred, products);
    Eigenvectors found = Eigenvectors.of(products, Math.min(components, rows.count()));
    DMatrixRMaj spanning = new DMatrixRMaj(dimension, found.values.length);
    CommonOps_DDRM.multTransA(centred, found.columns, spanning);
    return fitted(
        mean,
        orthonormal(spanning, components),
        Arrays.copyOf(found.values, components),
        CommonOps_DDRM.trace(products));
  }

  private static PrincipalComponents fitted(
      double[] mean, DMatrixRMaj basis, double[] variances, double totalVariance) {
    int dimension = mean.length;
    for (int i = 0; i < variances.length; i++) {
      double sign = sign(Arrays.copyOfRange(basis.data, i * dimension, (i + 1) * dimension));
      for (int j = 0; j < dimension; j++) {
        basis.set(i, j, sign * basis.get(i, j));
      }
    }
    return new PrincipalComponents(mean, basis, variances, totalVariance);
  }

  /**
   * Orthonormal rows of which the first span what the first columns of a matrix do; beyond its rank
   * they are any.
   */
  private static DMatrixRMaj orthonormal(DMatrixRMaj columns, int count) {
    DMatrixRMaj padded = new DMatrixRMaj(columns.getNumRows(), count);
    CommonOps_DDRM.insert(columns, padded, 0, 0);
    QRDecomposition<DMatrixRMaj> qr =
        DecompositionFactory_DDRM.qr(padded.getNumRows(), padded.getNumCols());
    boolean _ = qr.decompose(padded); // false of columns that depend on each other, which may be
    return CommonOps_DDRM.transpose(qr.getQ(null, true), null);
  }

  /** Eigenvectors of a symmetric matrix without negative eigenvalues, the largest ones first. */
  private static final class Eigenvectors {
    private final double[] values;
    private final DMatrixRMaj columns;

    private Eigenvectors(double[] values, DMatrixRMaj columns) {
      this.values = values;
      this.columns = columns;
    }

    static Eigenvectors of(DMatrixRMaj matrix, int count) {
      int size = matrix.getNumRows();
      double trace = CommonOps_DDRM.trace(matrix);
      // EJML's iteration does not end among eigenvalues that are rounding errors of 0, so all are
      // raised, which leaves the eigenvectors as they are.
      double raised = trace > 0 ? trace : 1;
      DMatrixRMaj shifted = matrix.copy();
      for (int i = 0; i < size; i++) {
        shifted.add(i, i, raised);
      }
      EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(size, true, true);
      if (!eigen.decompose(shifted)) {
        throw new IllegalStateException(
            "the eigenvectors of a %dx%d covariance matrix were not found".formatted(size, size));
      }
      int[] order =
          IntStream.range(0, size)
              .boxed()
              .sorted(Comparator.comparingDouble(i -> -eigen.getEigenvalue(i).getReal()))
              .mapToInt(Integer::intValue)
              .toArray();
      double[] values = new double[count];
      DMatrixRMaj columns = new DMatrixRMaj(size, count);
      for (int i = 0; i < count; i++) {
        values[i] = Math.max(0, eigen.getEigenvalue(order[i]).getReal() - raised);
        CommonOps_DDRM.insert(eigen.getEigenVector(order[i]), columns, 0, i);
      }
      return new Eigenvectors(values, columns);
    }
  }

  /** An eigenvector's sign is free: the value of largest magnitude is made positive. */
  private static double sign(double[] vector) {
    double largest = 0;
    for (double value : vector) {
      if (Math.abs(value) > Math.abs(largest)) {
        largest = value;
      }
    }
    return largest < 0 ? -1 : 1;
  }

  private static double[] mean(Rows rows) {
    int dimension = rows.dimension();
    double[] sums = new double[dimension];
    double[] block = new double[BLOCK * dimension];
    for (int first = 0; first < rows.count(); first += BLOCK) {
      int number = Math.min(BLOCK, rows.count() - first);
      rows.read(first, number, block);
      for (int row = 0; row < number; row++) {
        for (int i = 0; i < dimension; i++) {
          sums[i] += block[row * dimension + i];
        }
      }
    }
    for (int i = 0; i < dimension; i++) {
      sums[i] = sums[i] / rows.count() * rows.scale();
      if (!Double.isFinite(sums[i])) {
        throw new IllegalArgumentException(
            "column %d holds a value that is not finite: expected finite values; look where it"
                    .formatted(i)
                + " comes from");
      }
    }
    return sums;
  }

  /**
   * The covariance matrix, divided by the count. Of pixels it is computed as the exact sum of
   * products of integers less that of the means, which leaves the zeros, most of MNIST's pixels, to
   * be skipped; of other values by deviations from the mean, as otherwise digits would cancel.
   */
  private static DMatrixRMaj covariance(Rows rows, double[] mean) {
    int dimension = rows.dimension();
    boolean exact = rows.exact();
    double[] products = new double[dimension * dimension];
    double[] block = new double[BLOCK * dimension];
    for (int first = 0; first < rows.count(); first += BLOCK) {
      int number = Math.min(BLOCK, rows.count() - first);
      rows.read(first, number, block);
      if (!exact) {
        for (int row = 0; row < number; row++) {
          for (int i = 0; i < dimension; i++) {
            block[row * dimension + i] -= mean[i];
          }
        }
      }
      IntStream.range(0, dimension)
          .parallel()
          .forEach(i -> addProducts(block, number, dimension, i, products));
    }
    double factor = rows.scale() * rows.scale() / rows.count();
    DMatrixRMaj covariance = new DMatrixRMaj(dimension, dimension);
    for (int i = 0; i < dimension; i++) {
      for (int j = i; j < dimension; j++) {
        double value = products[i * dimension + j] * factor - (exact ? mean[i] * mean[j] : 0);
        covariance.set(i, j, value);
        covariance.set(j, i, value);
      }
    }
    return covariance;
  }

  /**
   * Adds the products of column {@code i} with itself and all columns after it. Rows with a zero
   * there are left out; the others are taken four at a time, which halves the traffic with memory.
   */
  private static void addProducts(
      double[] block, int rows, int dimension, int i, double[] products) {
    int[] starts = new int[rows];
    int found = 0;
    for (int row = 0; row < rows; row++) {
      if (block[row * dimension + i] != 0) {
        starts[found++] = row * dimension;
      }
    }
    int target = i * dimension;
    int taken = 0;
    for (; taken + 4 <= found; taken += 4) {
      int a = starts[taken];
      int b = starts[taken + 1];
      int c = starts[taken + 2];
      int d = starts[taken + 3];
      double fa = block[a + i];
      double fb = block[b + i];
      double fc = block[c + i];
      double fd = block[d + i];
      for (int j = i; j < dimension; j++) {
        products[target + j] +=
            fa * block[a + j] + fb * block[b + j] + fc * block[c + j] + fd * block[d + j];
      }
    }
    for (; taken < found; taken++) {
      int start = starts[taken];
      double factor = block[start + i];
      for (int j = i; j < dimension; j++) {
        products[target + j] += factor * block[start + j];
      }
    }
  }

  /** Number of values that are coded. */
  public int dimension() {
    return mean.length;
  }

  /** Size of the code. */
  public int components() {
    return variances.length;
  }

  /** The mean of the data fitted to, a copy of {@code [dimension]}. */
  public float[] mean() {
    return toFloats(mean, mean.length);
  }

  /** The components, orthonormal rows of a matrix {@code [components, dimension]}, a copy. */
  public float[] basis() {
    return toFloats(basis.getData(), basis.getNumElements());
  }

  /** The variance along each component, falling, a copy of {@code [components]}. */
  public double[] variances() {
    return variances.clone();
  }

  /** The variance of all the data: what the squared error would be with no component. */
  public double totalVariance() {
    return totalVariance;
  }

  /**
   * Codes of images, a matrix {@code [count, components]}.
   *
   * @throws IllegalArgumentException if the images are not of the size fitted to
   */
  public float[] encode(ImageData images) {
    return encode(new Pixels(images));
  }

  /**
   * Codes of rows, a matrix {@code [count, components]}.
   *
   * @param values a matrix {@code [count, dimension]}
   * @throws IllegalArgumentException if the length does not fit
   */
  public float[] encode(float[] values) {
    return encode(new Matrix(values, dimension()));
  }

  /**
   * The rows that codes stand for, a matrix {@code [count, dimension]}; not limited to [0, 1].
   *
   * @param codes a matrix {@code [count, components]}
   * @throws IllegalArgumentException if the length does not fit
   */
  public float[] decode(float[] codes) {
    Matrix rows = new Matrix(codes, components());
    float[] decoded = new float[Math.multiplyExact(rows.count(), dimension())];
    forEachBlock(
        rows.count(),
        (first, number) -> {
          DMatrixRMaj block = new DMatrixRMaj(number, components());
          rows.read(first, number, block.getData());
          copy(decode(block), decoded, first * dimension());
        });
    return decoded;
  }

  /**
   * Images coded and decoded, a matrix {@code [count, dimension]}; not limited to [0, 1].
   *
   * @throws IllegalArgumentException if the images are not of the size fitted to
   */
  public float[] reconstruct(ImageData images) {
    return decode(encode(images));
  }

  /**
   * Rows coded and decoded, a matrix {@code [count, dimension]}.
   *
   * @param values a matrix {@code [count, dimension]}
   * @throws IllegalArgumentException if the length does not fit
   */
  public float[] reconstruct(float[] values) {
    return decode(encode(values));
  }

  /**
   * Squared error of the reconstruction, summed over an image's values in [0, 1] and averaged over
   * the images: the measure of Hinton and Salakhutdinov 2006.
   *
   * @throws IllegalArgumentException if the images are not of the size fitted to
   */
  public double squaredError(ImageData images) {
    return squaredError(new Pixels(images));
  }

  /**
   * Squared error of the reconstruction, summed over a row and averaged over the rows.
   *
   * @param values a matrix {@code [count, dimension]}
   * @throws IllegalArgumentException if the length does not fit
   */
  public double squaredError(float[] values) {
    return squaredError(new Matrix(values, dimension()));
  }

  private float[] encode(Rows rows) {
    requireDimension(rows);
    float[] codes = new float[Math.multiplyExact(rows.count(), components())];
    forEachBlock(
        rows.count(),
        (first, number) -> copy(encode(scaled(rows, first, number)), codes, first * components()));
    return codes;
  }

  private double squaredError(Rows rows) {
    requireDimension(rows);
    double[] errors = new double[rows.count()];
    forEachBlock(
        rows.count(),
        (first, number) -> {
          DMatrixRMaj original = scaled(rows, first, number);
          DMatrixRMaj decoded = decode(encode(original));
          for (int row = 0; row < number; row++) {
            double sum = 0;
            for (int i = 0; i < dimension(); i++) {
              double difference = decoded.get(row, i) - original.get(row, i);
              sum += difference * difference;
            }
            errors[first + row] = sum;
          }
        });
    double total = 0;
    for (double error : errors) {
      total += error;
    }
    return total / rows.count();
  }

  private DMatrixRMaj encode(DMatrixRMaj values) {
    DMatrixRMaj centred = values.copy();
    addMean(centred, mean, -1);
    DMatrixRMaj codes = new DMatrixRMaj(values.getNumRows(), components());
    CommonOps_DDRM.multTransB(centred, basis, codes);
    return codes;
  }

  private DMatrixRMaj decode(DMatrixRMaj codes) {
    DMatrixRMaj values = new DMatrixRMaj(codes.getNumRows(), dimension());
    CommonOps_DDRM.mult(codes, basis, values);
    addMean(values, mean, 1);
    return values;
  }

  private static void addMean(DMatrixRMaj values, double[] mean, double factor) {
    for (int row = 0; row < values.getNumRows(); row++) {
      for (int i = 0; i < mean.length; i++) {
        values.set(row, i, values.get(row, i) + factor * mean[i]);
      }
    }
  }

  private void requireDimension(Rows rows) {
    if (rows.dimension() != dimension()) {
      throw new IllegalArgumentException(
          "images of %d values: expected %d, as those the components were fitted to"
              .formatted(rows.dimension(), dimension()));
    }
  }

  private static DMatrixRMaj scaled(Rows rows, int first, int number) {
    DMatrixRMaj block = new DMatrixRMaj(number, rows.dimension());
    rows.read(first, number, block.getData());
    CommonOps_DDRM.scale(rows.scale(), block);
    return block;
  }

  private static void copy(DMatrixRMaj from, float[] to, int offset) {
    double[] values = from.getData();
    for (int i = 0; i < from.getNumElements(); i++) {
      to[offset + i] = (float) values[i];
    }
  }

  private static float[] toFloats(double[] values, int count) {
    float[] floats = new float[count];
    for (int i = 0; i < count; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static void forEachBlock(int count, BlockTask task) {
    IntStream.range(0, (count + BLOCK - 1) / BLOCK)
        .parallel()
        .forEach(i -> task.run(i * BLOCK, Math.min(BLOCK, count - i * BLOCK)));
  }

  @FunctionalInterface
  private interface BlockTask {
    void run(int first, int number);
  }

  /** The rows of a matrix in its own units; times {@code scale} they are the values meant. */
  private sealed interface Rows {
    int count();

    int dimension();

    double scale();

    /** Whether sums of products of two values are exact in double precision. */
    boolean exact();

    void read(int first, int number, double[] block);
  }

  private static final class Pixels implements Rows {
    private final ImageData images;
    private final MemorySegment bytes;

    Pixels(ImageData images) {
      this.images = images;
      this.bytes = images.segment();
    }

    @Override
    public int count() {
      return images.count();
    }

    @Override
    public int dimension() {
      return images.imageSize();
    }

    @Override
    public double scale() {
      return 1.0 / 255;
    }

    @Override
    public boolean exact() {
      return true;
    }

    @Override
    public void read(int first, int number, double[] block) {
      long start = (long) first * dimension();
      for (int i = 0; i < number * dimension(); i++) {
        block[i] = bytes.get(ValueLayout.JAVA_BYTE, start + i) & 0xff;
      }
    }
  }

  private static final class Matrix implements Rows {
    private final float[] values;
    private final int dimension;

    Matrix(float[] values, int dimension) {
      if (dimension < 1 || values.length == 0 || values.length % dimension != 0) {
        throw new IllegalArgumentException(
            "%d values in rows of %d: expected a positive multiple"
                .formatted(values.length, dimension));
      }
      this.values = values;
      this.dimension = dimension;
    }

    @Override
    public int count() {
      return values.length / dimension;
    }

    @Override
    public int dimension() {
      return dimension;
    }

    @Override
    public double scale() {
      return 1;
    }

    @Override
    public boolean exact() {
      return false;
    }

    @Override
    public void read(int first, int number, double[] block) {
      int start = first * dimension;
      for (int i = 0; i < number * dimension; i++) {
        block[i] = values[start + i];
      }
    }
  }
}

package dev.clessidra.bench.baselines.nvidia;

import dev.clessidra.kernels.Images;
import jcuda.jcudnn.cudnnTensorFormat;

/** An order of the numbers of images, and of filters taken for images. */
enum CudnnLayout {
  /** As ours. */
  CHANNELS_LAST(cudnnTensorFormat.CUDNN_TENSOR_NHWC) {
    @Override
    float[] of(float[] values, Images shape) {
      return values;
    }

    @Override
    float[] channelsLast(float[] values, Images shape) {
      return values;
    }
  },
  /** The one that most of cuDNN's algorithms are for. */
  CHANNELS_FIRST(cudnnTensorFormat.CUDNN_TENSOR_NCHW) {
    @Override
    float[] of(float[] values, Images shape) {
      return transposed(values, shape.count(), shape.height() * shape.width(), shape.channels());
    }

    @Override
    float[] channelsLast(float[] values, Images shape) {
      return transposed(values, shape.count(), shape.channels(), shape.height() * shape.width());
    }
  };

  private final int format;

  CudnnLayout(int format) {
    this.format = format;
  }

  int format() {
    return format;
  }

  /** Brings channels-last numbers into this order. */
  abstract float[] of(float[] values, Images shape);

  /** Brings numbers of this order into the channels-last one. */
  abstract float[] channelsLast(float[] values, Images shape);

  private static float[] transposed(float[] values, int count, int rows, int columns) {
    float[] result = new float[values.length];
    for (int n = 0; n < count; n++) {
      int start = n * rows * columns;
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          result[start + column * rows + row] = values[start + row * columns + column];
        }
      }
    }
    return result;
  }
}

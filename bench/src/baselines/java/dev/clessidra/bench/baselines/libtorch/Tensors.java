package dev.clessidra.bench.baselines.libtorch;

import dev.clessidra.kernels.Images;
import java.util.List;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorType;
import org.bytedeco.pytorch.Type;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/** Tensors from arrays and back. */
final class Tensors {
  private Tensors() {}

  static Tensor of(float[] values, long... shape) {
    Tensor tensor = torch.empty(shape);
    tensor.data_ptr_float().put(values);
    return tensor;
  }

  /** Class numbers, which libtorch wants as 64-bit integers. */
  static Tensor of(int[] values, long... shape) {
    Tensor tensor = torch.empty(shape).to(torch.ScalarType.Int);
    tensor.data_ptr_int().put(values);
    return tensor.to(torch.ScalarType.Long);
  }

  /** Images [n, h, w, c] as libtorch counts dimensions, [n, c, h, w], where they lie. */
  static Tensor images(float[] values, Images sizes) {
    return channelsFirst(
        of(values, sizes.count(), sizes.height(), sizes.width(), sizes.channels()));
  }

  /** Memory for images [n, c, h, w]. */
  static Tensor emptyImages(Images sizes, MemoryFormat format) {
    return torch
        .empty(sizes.count(), sizes.channels(), sizes.height(), sizes.width())
        .contiguous(format);
  }

  /** A view of [n, h, w, c] as [n, c, h, w]. */
  static Tensor channelsFirst(Tensor tensor) {
    return tensor.permute(0, 3, 1, 2);
  }

  /** A view of [n, c, h, w] as [n, h, w, c]. */
  static Tensor channelsLast(Tensor tensor) {
    return tensor.permute(0, 2, 3, 1);
  }

  static float[] floats(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.numel())];
    tensor.contiguous().data_ptr_float().get(values);
    return values;
  }

  /** As operators take several. */
  static IValue list(List<Tensor> tensors) {
    GenericList list = new GenericList(new Type.TypePtr(TensorType.get()));
    tensors.forEach(tensor -> list.push_back(new IValue(tensor)));
    return new IValue(list);
  }

  static TensorOptional optional(Tensor tensor) {
    return new TensorOptional(tensor);
  }

  static TensorOptional none() {
    return new TensorOptional();
  }

  static Scalar scalar(double value) {
    return new Scalar(value);
  }
}

// A stand-in for libcudnn.so.9, for tests on machines without a GPU: what bench's baseline calls.
#include "stand_in.h"

#include <chrono>
#include <thread>

using namespace clessidra::stand_in;

namespace {

constexpr int kSuccess = 0;
constexpr int kBadParameter = 2000;
constexpr int kNotSupported = 3000;
constexpr int kChannelsLast = 1;
constexpr int kCrossCorrelation = 1;
constexpr int kDefaultMath = 0;
constexpr int kTensorMath = 1;
constexpr int kFmaMath = 3;

struct Handle {
  void* stream = nullptr;
};

struct Tensor {
  int format = 0, n = 0, c = 0, h = 0, w = 0;

  size_t elements() const { return size_t(n) * c * h * w; }
  size_t index(int in, int ic, int ih, int iw) const {
    return format == kChannelsLast ? ((size_t(in) * h + ih) * w + iw) * c + ic
                                   : ((size_t(in) * c + ic) * h + ih) * w + iw;
  }
};

struct Convolution {
  int padding_h = 0, padding_w = 0, stride_h = 1, stride_w = 1, mode = 0, math = 0;
};

struct Activation {
  int mode = 0, nan = 0;
  double coefficient = 0;
};

// As cudnnConvolution...AlgoPerf_t, which are alike for the three directions.
struct Performance {
  int algorithm;
  int status;
  float milliseconds;
  size_t memory;
  int determinism;
  int math;
  int reserved[3];
};

template <typename T>
int create(void** made) {
  *made = new T;
  return kSuccess;
}

template <typename T>
int destroy(void* made) {
  delete static_cast<T*>(made);
  return kSuccess;
}

int set_tensor(void* tensor, int format, int n, int c, int h, int w) {
  *static_cast<Tensor*>(tensor) = {format, n, c, h, w};
  return kSuccess;
}

// Calls `multiply(x, filter, y)` with the indices of each product of a convolution.
template <typename Multiply>
int each_product(const void* x_, const void* filter_, const void* convolution_, const void* y_,
                 const Multiply& multiply) {
  const Tensor& x = *static_cast<const Tensor*>(x_);
  const Tensor& filter = *static_cast<const Tensor*>(filter_);
  const Tensor& y = *static_cast<const Tensor*>(y_);
  const Convolution& convolution = *static_cast<const Convolution*>(convolution_);
  if (convolution.mode != kCrossCorrelation || filter.c != x.c || filter.n != y.c || y.n != x.n ||
      y.h != (x.h + 2 * convolution.padding_h - filter.h) / convolution.stride_h + 1 ||
      y.w != (x.w + 2 * convolution.padding_w - filter.w) / convolution.stride_w + 1) {
    return kBadParameter;
  }
  for (int n = 0; n < y.n; ++n)
    for (int k = 0; k < y.c; ++k)
      for (int p = 0; p < y.h; ++p)
        for (int q = 0; q < y.w; ++q)
          for (int r = 0; r < filter.h; ++r)
            for (int s = 0; s < filter.w; ++s) {
              const int row = p * convolution.stride_h - convolution.padding_h + r;
              const int column = q * convolution.stride_w - convolution.padding_w + s;
              if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
              for (int c = 0; c < x.c; ++c)
                multiply(x.index(n, c, row, column), filter.index(k, c, r, s), y.index(n, k, p, q));
            }
  return kSuccess;
}

void finish(const std::vector<double>& sums, const float* alpha, const float* beta, void* result,
            void* stream) {
  auto values = from_device(result, sums.size(), stream);
  for (size_t i = 0; i < sums.size(); ++i)
    values[i] = float(*alpha * sums[i] + (*beta == 0 ? 0 : *beta * double(values[i])));
  to_device(values, result, stream);
}

// Each algorithm with the arithmetic that is set and with the default one. The times are not those that
// the algorithms take in the end.
int find(const void* convolution, int requested, int* returned, Performance* results) {
  const int math = static_cast<const Convolution*>(convolution)->math;
  const Performance found[] = {
    {2, kSuccess, 1.0f, 0, 1, kDefaultMath, {}},
    {1, kSuccess, 2.0f, 64, 1, kDefaultMath, {}},
    {math == kFmaMath ? 0 : 1, kSuccess, 3.0f, math == kFmaMath ? size_t(0) : 64, 1, math, {}},
    {5, kNotSupported, -1.0f, 0, 1, math, {}},
  };
  *returned = requested < 4 ? requested : 4;
  for (int i = 0; i < *returned; ++i) results[i] = found[i];
  return kSuccess;
}

// What works, and how long it takes beside the computation itself.
constexpr struct {
  int algorithm, math;
  size_t memory;
  int milliseconds;
} kWorking[] = {
  {0, kFmaMath, 0, 0}, {1, kTensorMath, 64, 0}, {1, kDefaultMath, 64, 5}, {2, kDefaultMath, 0, 5},
  {2, kFmaMath, 0, 5},
};

int start(const void* handle, const void* convolution, int algorithm, const void* workspace, size_t bytes) {
  const int math = static_cast<const Convolution*>(convolution)->math;
  for (const auto& working : kWorking) {
    if (working.algorithm != algorithm || working.math != math) continue;
    if (working.memory > 0 && (workspace == nullptr || bytes < working.memory)) return kBadParameter;
    // The time of an event before is that at which the stream gets there.
    synchronize(static_cast<const Handle*>(handle)->stream);
    std::this_thread::sleep_for(std::chrono::milliseconds(working.milliseconds));
    return kSuccess;
  }
  return kNotSupported;
}

}  // namespace

CLESSIDRA_EXPORT size_t cudnnGetVersion() { return 90999; }

CLESSIDRA_EXPORT const char* cudnnGetErrorString(int status) {
  return status == kSuccess ? "CUDNN_STATUS_SUCCESS"
    : status == kNotSupported ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_BAD_PARAM";
}

CLESSIDRA_EXPORT int cudnnCreate(void** handle) { return create<Handle>(handle); }
CLESSIDRA_EXPORT int cudnnDestroy(void* handle) { return destroy<Handle>(handle); }
CLESSIDRA_EXPORT int cudnnSetStream(void* handle, void* stream) {
  static_cast<Handle*>(handle)->stream = stream;
  return kSuccess;
}

CLESSIDRA_EXPORT int cudnnCreateTensorDescriptor(void** made) { return create<Tensor>(made); }
CLESSIDRA_EXPORT int cudnnDestroyTensorDescriptor(void* made) { return destroy<Tensor>(made); }
CLESSIDRA_EXPORT int cudnnSetTensor4dDescriptor(void* tensor, int format, int, int n, int c, int h, int w) {
  return set_tensor(tensor, format, n, c, h, w);
}

CLESSIDRA_EXPORT int cudnnCreateFilterDescriptor(void** made) { return create<Tensor>(made); }
CLESSIDRA_EXPORT int cudnnDestroyFilterDescriptor(void* made) { return destroy<Tensor>(made); }
CLESSIDRA_EXPORT int cudnnSetFilter4dDescriptor(void* filter, int, int format, int k, int c, int h, int w) {
  return set_tensor(filter, format, k, c, h, w);
}

CLESSIDRA_EXPORT int cudnnCreateConvolutionDescriptor(void** made) { return create<Convolution>(made); }
CLESSIDRA_EXPORT int cudnnDestroyConvolutionDescriptor(void* made) { return destroy<Convolution>(made); }
CLESSIDRA_EXPORT int cudnnSetConvolution2dDescriptor(void* convolution, int padding_h, int padding_w,
                                                     int stride_h, int stride_w, int dilation_h,
                                                     int dilation_w, int mode, int type) {
  if (dilation_h != 1 || dilation_w != 1 || type != 0) return kNotSupported;
  *static_cast<Convolution*>(convolution) = {padding_h, padding_w, stride_h, stride_w, mode, 0};
  return kSuccess;
}
CLESSIDRA_EXPORT int cudnnSetConvolutionMathType(void* convolution, int math) {
  static_cast<Convolution*>(convolution)->math = math;
  return kSuccess;
}

CLESSIDRA_EXPORT int cudnnCreateActivationDescriptor(void** made) { return create<Activation>(made); }
CLESSIDRA_EXPORT int cudnnSetActivationDescriptor(void* made, int mode, int nan, double coefficient) {
  *static_cast<Activation*>(made) = {mode, nan, coefficient};
  return kSuccess;
}
CLESSIDRA_EXPORT int cudnnGetActivationDescriptor(void* made, int* mode, int* nan, double* coefficient) {
  const Activation& activation = *static_cast<Activation*>(made);
  *mode = activation.mode;
  *nan = activation.nan;
  *coefficient = activation.coefficient;
  return kSuccess;
}

CLESSIDRA_EXPORT int cudnnFindConvolutionForwardAlgorithmEx(
  void*, const void*, const void*, const void*, const void*, const void* convolution, const void*, void*,
  int requested, int* returned, Performance* results, void*, size_t) {
  return find(convolution, requested, returned, results);
}
CLESSIDRA_EXPORT int cudnnFindConvolutionBackwardDataAlgorithmEx(
  void*, const void*, const void*, const void*, const void*, const void* convolution, const void*, void*,
  int requested, int* returned, Performance* results, void*, size_t) {
  return find(convolution, requested, returned, results);
}
CLESSIDRA_EXPORT int cudnnFindConvolutionBackwardFilterAlgorithmEx(
  void*, const void*, const void*, const void*, const void*, const void* convolution, const void*, void*,
  int requested, int* returned, Performance* results, void*, size_t) {
  return find(convolution, requested, returned, results);
}

CLESSIDRA_EXPORT int cudnnConvolutionForward(void* handle, const float* alpha, const void* x_shape,
                                             const void* x, const void* filter_shape, const void* filter,
                                             const void* convolution, int algorithm, void* workspace,
                                             size_t bytes, const float* beta, const void* y_shape, void* y) {
  if (int status = start(handle, convolution, algorithm, workspace, bytes)) return status;
  void* const stream = static_cast<Handle*>(handle)->stream;
  const auto xs = from_device(x, static_cast<const Tensor*>(x_shape)->elements(), stream);
  const auto filters = from_device(filter, static_cast<const Tensor*>(filter_shape)->elements(), stream);
  std::vector<double> sums(static_cast<const Tensor*>(y_shape)->elements());
  const int status = each_product(x_shape, filter_shape, convolution, y_shape,
    [&](size_t ix, size_t ifilter, size_t iy) { sums[iy] += double(xs[ix]) * filters[ifilter]; });
  if (status == kSuccess) finish(sums, alpha, beta, y, stream);
  return status;
}

CLESSIDRA_EXPORT int cudnnConvolutionBackwardData(void* handle, const float* alpha, const void* filter_shape,
                                                  const void* filter, const void* dy_shape, const void* dy,
                                                  const void* convolution, int algorithm, void* workspace,
                                                  size_t bytes, const float* beta, const void* dx_shape,
                                                  void* dx) {
  if (int status = start(handle, convolution, algorithm, workspace, bytes)) return status;
  void* const stream = static_cast<Handle*>(handle)->stream;
  const auto filters = from_device(filter, static_cast<const Tensor*>(filter_shape)->elements(), stream);
  const auto dys = from_device(dy, static_cast<const Tensor*>(dy_shape)->elements(), stream);
  std::vector<double> sums(static_cast<const Tensor*>(dx_shape)->elements());
  const int status = each_product(dx_shape, filter_shape, convolution, dy_shape,
    [&](size_t ix, size_t ifilter, size_t iy) { sums[ix] += double(dys[iy]) * filters[ifilter]; });
  if (status == kSuccess) finish(sums, alpha, beta, dx, stream);
  return status;
}

CLESSIDRA_EXPORT int cudnnConvolutionBackwardFilter(void* handle, const float* alpha, const void* x_shape,
                                                    const void* x, const void* dy_shape, const void* dy,
                                                    const void* convolution, int algorithm, void* workspace,
                                                    size_t bytes, const float* beta,
                                                    const void* filter_shape, void* filter) {
  if (int status = start(handle, convolution, algorithm, workspace, bytes)) return status;
  void* const stream = static_cast<Handle*>(handle)->stream;
  const auto xs = from_device(x, static_cast<const Tensor*>(x_shape)->elements(), stream);
  const auto dys = from_device(dy, static_cast<const Tensor*>(dy_shape)->elements(), stream);
  std::vector<double> sums(static_cast<const Tensor*>(filter_shape)->elements());
  const int status = each_product(x_shape, filter_shape, convolution, dy_shape,
    [&](size_t ix, size_t ifilter, size_t iy) { sums[ifilter] += double(xs[ix]) * dys[iy]; });
  if (status == kSuccess) finish(sums, alpha, beta, filter, stream);
  return status;
}

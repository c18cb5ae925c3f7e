// A stand-in for libcublas.so.13, for tests on machines without a GPU: what bench's baseline calls.
#include "stand_in.h"

using namespace clessidra::stand_in;

namespace {

struct Handle {
  void* stream = nullptr;
  int math_mode = 0;
};

constexpr int kSuccess = 0;
constexpr int kInvalidValue = 7;
constexpr int kTransposed = 1;

// Elements that a column-major matrix spans.
size_t extent(int rows, int columns, int leading_dimension) {
  return size_t(columns - 1) * leading_dimension + rows;
}

}  // namespace

CLESSIDRA_EXPORT int cublasCreate_v2(void** handle) {
  *handle = new Handle;
  return kSuccess;
}

CLESSIDRA_EXPORT int cublasDestroy_v2(void* handle) {
  delete static_cast<Handle*>(handle);
  return kSuccess;
}

CLESSIDRA_EXPORT int cublasGetVersion_v2(void*, int* version) {
  *version = 130999;
  return kSuccess;
}

CLESSIDRA_EXPORT int cublasSetStream_v2(void* handle, void* stream) {
  static_cast<Handle*>(handle)->stream = stream;
  return kSuccess;
}

CLESSIDRA_EXPORT int cublasSetMathMode(void* handle, int mode) {
  static_cast<Handle*>(handle)->math_mode = mode;
  return kSuccess;
}

CLESSIDRA_EXPORT int cublasGetMathMode(void* handle, int* mode) {
  *mode = static_cast<Handle*>(handle)->math_mode;
  return kSuccess;
}

CLESSIDRA_EXPORT int cublasSgemm_v2(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                                    const float* alpha, const float* a, int lda, const float* b, int ldb,
                                    const float* beta, float* c, int ldc) {
  const bool a_transposed = transpose_a == kTransposed;
  const bool b_transposed = transpose_b == kTransposed;
  if (lda < (a_transposed ? k : m) || ldb < (b_transposed ? n : k) || ldc < m) return kInvalidValue;
  void* const stream = static_cast<Handle*>(handle)->stream;
  const auto as = from_device(a, a_transposed ? extent(k, m, lda) : extent(m, k, lda), stream);
  const auto bs = from_device(b, b_transposed ? extent(n, k, ldb) : extent(k, n, ldb), stream);
  auto cs = from_device(c, extent(m, n, ldc), stream);
  for (int column = 0; column < n; ++column) {
    for (int row = 0; row < m; ++row) {
      double sum = 0;
      for (int i = 0; i < k; ++i) {
        sum += double(a_transposed ? as[size_t(row) * lda + i] : as[size_t(i) * lda + row]) *
          (b_transposed ? bs[size_t(i) * ldb + column] : bs[size_t(column) * ldb + i]);
      }
      float& result = cs[size_t(column) * ldc + row];
      result = float(*alpha * sum + (*beta == 0 ? 0 : *beta * double(result)));
    }
  }
  to_device(cs, c, stream);
  return kSuccess;
}

// A stand-in for libcublas.so.13, for tests on machines without a GPU: what bench's baseline calls.
#include "stand_in.h"

#include <chrono>
#include <set>
#include <thread>
#include <tuple>

using namespace clessidra::stand_in;

namespace {

struct Handle {
  void* stream = nullptr;
  size_t workspace_bytes = 0;
  int math_mode = 0;
  std::set<std::tuple<int, int, int>> tuned;
};

constexpr int kSuccess = 0;
constexpr int kAllocationFailed = 3;
constexpr int kInvalidValue = 7;
constexpr int kNotSupported = 15;
constexpr int kTransposed = 1;
constexpr int kFloat = 0;
constexpr int kFloatCompute = 68;
constexpr int kDefaultAlgorithm = -1;
constexpr int kAutotune = 999;

int products = 0;

// Elements that a column-major matrix spans.
size_t extent(int rows, int columns, int leading_dimension) {
  return size_t(columns - 1) * leading_dimension + rows;
}

int product(Handle* handle, int milliseconds, int transpose_a, int transpose_b, int m, int n, int k,
            const float* alpha, const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
            int ldc) {
  const bool a_transposed = transpose_a == kTransposed;
  const bool b_transposed = transpose_b == kTransposed;
  if (lda < (a_transposed ? k : m) || ldb < (b_transposed ? n : k) || ldc < m) return kInvalidValue;
  if (handle->workspace_bytes < size_t(32) << 20) return kAllocationFailed;
  ++products;
  void* const stream = handle->stream;
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
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  to_device(cs, c, stream);
  return kSuccess;
}

}  // namespace

// Not of cuBLAS: how many products were computed.
CLESSIDRA_EXPORT int cublasStandInProducts() { return products; }

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

// As cuBLAS, takes the workspace away.
CLESSIDRA_EXPORT int cublasSetStream_v2(void* handle, void* stream) {
  static_cast<Handle*>(handle)->stream = stream;
  static_cast<Handle*>(handle)->workspace_bytes = 0;
  return kSuccess;
}

CLESSIDRA_EXPORT int cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes) {
  if (workspace == nullptr || reinterpret_cast<uintptr_t>(workspace) % 256 != 0) return kInvalidValue;
  static_cast<Handle*>(handle)->workspace_bytes = bytes;
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
  return product(static_cast<Handle*>(handle), 3, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb,
    beta, c, ldc);
}

// The slowest by its heuristics and the fastest once it has tuned itself, which it does not for k = 1.
CLESSIDRA_EXPORT int cublasGemmEx(void* handle_, int transpose_a, int transpose_b, int m, int n, int k,
                                  const void* alpha, const void* a, int a_type, int lda, const void* b,
                                  int b_type, int ldb, const void* beta, void* c, int c_type, int ldc,
                                  int compute_type, int algorithm) {
  Handle* const handle = static_cast<Handle*>(handle_);
  if (a_type != kFloat || b_type != kFloat || c_type != kFloat || compute_type != kFloatCompute) {
    return kInvalidValue;
  }
  if (algorithm != kDefaultAlgorithm && (algorithm != kAutotune || k == 1)) return kNotSupported;
  const bool slow = algorithm == kDefaultAlgorithm || handle->tuned.insert({m, n, k}).second;
  return product(handle, slow ? 9 : 0, transpose_a, transpose_b, m, n, k, static_cast<const float*>(alpha),
    static_cast<const float*>(a), lda, static_cast<const float*>(b), ldb, static_cast<const float*>(beta),
    static_cast<float*>(c), ldc);
}

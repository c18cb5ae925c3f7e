// The CUDA driver API's binary interface, as far as it is used here; after its documentation.
#ifndef CLESSIDRA_EMULATOR_DRIVER_H
#define CLESSIDRA_EMULATOR_DRIVER_H

#include <cstddef>
#include <cstdint>

using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;
using CUstream = struct CUstream_st*;
using CUevent = struct CUevent_st*;
using CUgraph = struct CUgraph_st*;
using CUgraphExec = struct CUgraphExec_st*;
using CUgraphNode = struct CUgraphNode_st*;
using CUhostFn = void (*)(void* context);

struct CUuuid {
  unsigned char bytes[16];
};

struct CUdevprop {
  int maxThreadsPerBlock;
  int maxThreadsDim[3];
  int maxGridSize[3];
  int sharedMemPerBlock;
  int totalConstantMemory;
  int SIMDWidth;
  int memPitch;
  int regsPerBlock;
  int clockRate;
  int textureAlign;
};

// name, number, description
#define CLESSIDRA_CUDA_RESULTS(X)                                                             \
  X(CUDA_SUCCESS, 0, "no error")                                                              \
  X(CUDA_ERROR_INVALID_VALUE, 1, "invalid argument")                                          \
  X(CUDA_ERROR_OUT_OF_MEMORY, 2, "out of memory")                                             \
  X(CUDA_ERROR_NOT_INITIALIZED, 3, "initialization error")                                    \
  X(CUDA_ERROR_INVALID_DEVICE, 101, "invalid device ordinal")                                 \
  X(CUDA_ERROR_INVALID_IMAGE, 200, "device kernel image is invalid")                          \
  X(CUDA_ERROR_INVALID_CONTEXT, 201, "invalid device context")                                \
  X(CUDA_ERROR_NO_BINARY_FOR_GPU, 209,                                                        \
    "no kernel image is available for execution on the device")                               \
  X(CUDA_ERROR_FILE_NOT_FOUND, 301, "file not found")                                         \
  X(CUDA_ERROR_INVALID_HANDLE, 400, "invalid resource handle")                                \
  X(CUDA_ERROR_NOT_FOUND, 500, "named symbol not found")                                      \
  X(CUDA_ERROR_NOT_READY, 600, "device not ready")                                            \
  X(CUDA_ERROR_ILLEGAL_ADDRESS, 700, "an illegal memory access was encountered")              \
  X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, 701, "too many resources requested for launch")       \
  X(CUDA_ERROR_CONTEXT_IS_DESTROYED, 709, "context is destroyed")                             \
  X(CUDA_ERROR_ASSERT, 710, "device-side assert triggered")                                   \
  X(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, 712,                                           \
    "part or all of the requested memory range is already mapped")                            \
  X(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, 713,                                               \
    "pointer does not correspond to a registered memory region")                              \
  X(CUDA_ERROR_MISALIGNED_ADDRESS, 716, "misaligned address")                                 \
  X(CUDA_ERROR_LAUNCH_FAILED, 719, "unspecified launch failure")                              \
  X(CUDA_ERROR_NOT_PERMITTED, 800, "operation not permitted")                                 \
  X(CUDA_ERROR_NOT_SUPPORTED, 801, "operation not supported")                                 \
  X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, 900,                                               \
    "operation not permitted when stream is capturing")                                       \
  X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, 901,                                               \
    "operation failed due to a previous error during capture")                                \
  X(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, 903, "the capture was not initiated in this stream") \
  X(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, 904, "capturing stream has unjoined work")            \
  X(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, 905,                                                 \
    "dependency created on uncaptured work in another stream")                                \
  X(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, 906,                                                  \
    "operation would make the legacy stream depend on a capturing blocking stream")           \
  X(CUDA_ERROR_CAPTURED_EVENT, 907,                                                           \
    "operation not permitted on an event last recorded in a capturing stream")                \
  X(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, 908,                                              \
    "attempt to terminate a thread-local capture sequence from another thread")               \
  X(CUDA_ERROR_UNKNOWN, 999, "unknown error")

enum CUresult : int {
#define CLESSIDRA_RESULT(name, number, text) name = number,
  CLESSIDRA_CUDA_RESULTS(CLESSIDRA_RESULT)
#undef CLESSIDRA_RESULT
};

constexpr unsigned CU_STREAM_NON_BLOCKING = 1;
constexpr unsigned CU_EVENT_DISABLE_TIMING = 2;
constexpr unsigned CU_MEMHOSTALLOC_DEVICEMAP = 2;

enum CUstreamCaptureMode : int {
  CU_STREAM_CAPTURE_MODE_GLOBAL = 0,
  CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
  CU_STREAM_CAPTURE_MODE_RELAXED = 2
};

enum CUstreamCaptureStatus : int {
  CU_STREAM_CAPTURE_STATUS_NONE = 0,
  CU_STREAM_CAPTURE_STATUS_ACTIVE = 1,
  CU_STREAM_CAPTURE_STATUS_INVALIDATED = 2
};

enum CUgraphNodeType : int {
  CU_GRAPH_NODE_TYPE_KERNEL = 0,
  CU_GRAPH_NODE_TYPE_MEMCPY = 1,
  CU_GRAPH_NODE_TYPE_MEMSET = 2,
  CU_GRAPH_NODE_TYPE_HOST = 3,
  CU_GRAPH_NODE_TYPE_GRAPH = 4,
  CU_GRAPH_NODE_TYPE_EMPTY = 5
};

#endif

// Every rule that the emulated driver holds: a case that keeps it, and one that breaks it.
// Use: CLESSIDRA_EMULATOR_THREADS=COUNT emulator_test FATBIN
//   FATBIN: kernels.cu built by nvcc, or "" where there is none
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "arguments.h"
#include "cubin.h"
#include "driver.h"
#include "driver_functions.h"

namespace {

constexpr int kRandom = 0;
constexpr int kForward = 1;
constexpr int kReverse = 2;
constexpr int kLastBlockFirst = 3;
constexpr int kOneWarpAhead = 4;

std::string test_name;
int failures = 0;

#define EXPECT(condition)                                                                    \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      ++failures;                                                                            \
      std::printf("%s: line %d: %s\n", test_name.c_str(), __LINE__, #condition);             \
    }                                                                                        \
  } while (false)

#define EXPECT_RESULT(expected, call)                                                        \
  do {                                                                                       \
    const int obtained = call;                                                               \
    if (obtained != expected) {                                                              \
      ++failures;                                                                            \
      std::printf("%s: line %d: %s gave %d, not %s\n", test_name.c_str(), __LINE__, #call,   \
                  obtained, #expected);                                                      \
    }                                                                                        \
  } while (false)

#define EXPECT_OK(call) EXPECT_RESULT(CUDA_SUCCESS, call)

// All of the words stand in the last report.
bool reported(std::initializer_list<const char*> words) {
  const std::string report = clessidra_emulator_last_report();
  for (const char* word : words) {
    if (report.find(word) != std::string::npos) continue;
    std::printf("%s: \"%s\" is not in the report: %s\n", test_name.c_str(), word, report.c_str());
    return false;
  }
  return true;
}

CUmodule module = nullptr;

CUfunction function_of(const char* name, CUmodule from = nullptr) {
  CUfunction function = nullptr;
  EXPECT_OK(cuModuleGetFunction(&function, from != nullptr ? from : module, name));
  return function;
}

// Memory of the device for one test.
class Memory {
 public:
  explicit Memory(size_t floats) : floats_(floats) {
    EXPECT_OK(cuMemAlloc_v2(&address_, floats * sizeof(float)));
  }
  explicit Memory(const std::vector<float>& values) : Memory(values.size()) {
    EXPECT_OK(cuMemcpyHtoD_v2(address_, values.data(), values.size() * sizeof(float)));
  }
  ~Memory() {
    if (address_ != 0) cuMemFree_v2(address_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  CUdeviceptr address() const { return address_; }
  float* pointer() const { return reinterpret_cast<float*>(address_); }
  void free() {
    EXPECT_OK(cuMemFree_v2(address_));
    address_ = 0;
  }
  std::vector<float> values() const {
    std::vector<float> values(floats_);
    EXPECT_OK(cuMemcpyDtoH_v2(values.data(), address_, floats_ * sizeof(float)));
    return values;
  }

 private:
  size_t floats_;
  CUdeviceptr address_ = 0;
};

CUresult launch(CUfunction function, unsigned blocks, unsigned threads, arguments values,
                CUstream stream = nullptr, unsigned shared = 0) {
  void* parameters[] = {&values};
  const CUresult result = static_cast<CUresult>(cuLaunchKernel(
      function, blocks, 1, 1, threads, 1, 1, shared, stream, parameters, nullptr));
  // The driver has its own copy.
  std::memset(&values, 0xff, sizeof values);
  return result;
}

CUresult run(const char* name, unsigned blocks, unsigned threads, const arguments& values,
             unsigned shared = 0) {
  const CUresult result = launch(function_of(name), blocks, threads, values, nullptr, shared);
  return result == CUDA_SUCCESS ? cuCtxSynchronize() : result;
}

std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) + 1.0f;
  return values;
}

bool is_poison(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return std::isnan(value) && bits == 0x7ffbadad;
}

// How a child process ends that does this: the signal, or 0.
int signal_of(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

// Runs the body for several seeds of every order.
void for_schedules(const std::function<void()>& body) {
  for (const int order : {kRandom, kForward, kReverse, kLastBlockFirst, kOneWarpAhead}) {
    for (uint64_t seed = 1; seed <= (order == kRandom ? 5 : 1); ++seed) {
      clessidra_emulator_set_order(order);
      clessidra_emulator_set_seed(seed);
      body();
    }
  }
  clessidra_emulator_set_order(kRandom);
}

// ---- What kernels compute

void test_copies_and_fills() {
  const std::vector<float> values = numbers(1000);
  Memory from(values);
  Memory to(1000);
  EXPECT(is_poison(to.values()[0]));
  EXPECT_OK(run("copy", 4, 256, {to.pointer(), from.pointer(), 1000, 0}));
  EXPECT(to.values() == values);
  EXPECT_OK(cuMemsetD32_v2(to.address(), 0x3f800000, 1000));
  EXPECT(to.values() == std::vector<float>(1000, 1.0f));
  EXPECT_OK(cuMemcpyDtoD_v2(to.address() + 400, from.address(), 2400));
  EXPECT(to.values()[99] == 1.0f && to.values()[100] == 1.0f + 0.0f && to.values()[699] == 600.0f);
  EXPECT_OK(cuMemsetD8_v2(to.address(), 0, 4000));
  EXPECT(to.values() == std::vector<float>(1000, 0.0f));
}

void test_parameters_of_any_number() {
  Memory to(4);
  CUdeviceptr address = to.address();
  char add = 3;
  double value = 0.5;
  void* parameters[] = {&address, &add, &value};
  EXPECT_OK(cuLaunchKernel(function_of("three_parameters"), 1, 1, 1, 4, 1, 1, 0, nullptr,
                           parameters, nullptr));
  EXPECT(to.values() == std::vector<float>(4, 3.5f));
}

void test_indices() {
  Memory to(2 * 3 * 2 * 24);
  arguments values = {to.pointer(), nullptr, 0, 0};
  void* parameters[] = {&values};
  EXPECT_OK(cuLaunchKernel(function_of("indices"), 2, 3, 2, 4, 3, 2, 0, nullptr, parameters,
                           nullptr));
  const std::vector<float> got = to.values();
  bool right = true;
  for (size_t i = 0; i < got.size(); ++i) {
    right &= got[i] == static_cast<float>(i / 24 * 1000 + i % 24);
  }
  EXPECT(right);
}

void test_barriers() {
  const std::vector<float> values = numbers(1024);
  Memory from(values);
  Memory to(1024);
  for_schedules([&] {
    EXPECT_OK(run("reverse_blocks", 4, 256, {to.pointer(), from.pointer(), 1024, 0}));
    const std::vector<float> got = to.values();
    bool right = true;
    for (size_t i = 0; i < 1024; ++i) right &= got[i] == values[i / 256 * 256 + 255 - i % 256] + 1;
    EXPECT(right);
    EXPECT_OK(run("votes", 1, 100, {to.pointer(), nullptr, 100, 0}));
    EXPECT(to.values()[99] == 34.0f + 1000.0f + 10000.0f);
    EXPECT_OK(run("votes", 1, 100, {to.pointer(), nullptr, 99, 0}));
    EXPECT(to.values()[0] == 34.0f + 10000.0f);
  });
}

void test_warp_operations() {
  const std::vector<float> values = numbers(64);
  Memory from(values);
  Memory to(64 * 12);
  for_schedules([&] {
    EXPECT_OK(run("warp_operations", 1, 64, {to.pointer(), from.pointer(), 0, 0}));
    const std::vector<float> all = to.values();
    bool right = true;
    for (size_t i = 0; i < 64; ++i) {
      const size_t lane = i % 32;
      const size_t first = i - lane;
      const float* const got = &all[i * 12];
      float sum = 0.0f;
      for (size_t j = 0; j < 32; ++j) sum += values[first + j];
      right &= got[0] == sum;
      right &= got[1] == values[lane >= 3 ? i - 3 : i];
      right &= got[2] == values[lane % 8 < 5 ? i + 3 : i];
      right &= got[3] == values[first + lane / 16 * 16 + 2];
      right &= got[4] == 8.0f;
      right &= got[5] == 1.0f;
      right &= got[6] == (lane / 5 == 6 ? 2.0f : 5.0f);
      right &= got[7] == 1.0f;
      right &= got[8] == (lane < 12 ? static_cast<float>(i ^ 1) * 1.5f
                                    : static_cast<float>(first + 13));
      right &= got[9] == 496.0f && got[10] == -7.0f && got[11] == 31.0f;
    }
    EXPECT(right);
  });
}

void test_atomics() {
  for_schedules([&] {
    Memory to(std::vector<float>(8, 0.0f));
    EXPECT_OK(cuMemsetD32_v2(to.address() + 12, 1000, 1));
    EXPECT_OK(run("atomics", 3, 128, {to.pointer(), nullptr, 0, 0}));
    const std::vector<float> floats = to.values();
    std::vector<unsigned> words(8);
    std::memcpy(words.data(), floats.data(), 32);
    EXPECT(floats[0] == 384.0f);
    EXPECT(words[1] == 3 * 127 * 64);
    EXPECT(words[2] == 77);
    EXPECT(words[3] == 7);
    EXPECT(words[4] == 384 % 10);
    EXPECT(words[5] == 77 && words[6] == 0);
    EXPECT(words[7] == 12);
  });
}

void test_intrinsics() {
  Memory from(std::vector<float>{3.0f});
  Memory to(9);
  EXPECT_OK(run("intrinsics", 1, 1, {to.pointer(), from.pointer(), 0, 0}));
  EXPECT((to.values() == std::vector<float>{8.0f, 1.0f / 3.0f, std::sqrt(3.0f), 1.0f / 3.0f,
                                            1715.0f, 1.0f, 1.0f, 9.0f, 3.0f}));
}

void test_variables() {
  CUdeviceptr address = 0;
  size_t bytes = 0;
  EXPECT_OK(cuModuleGetGlobal_v2(&address, &bytes, module, "factor"));
  EXPECT(bytes == 4);
  Memory from(std::vector<float>{2.0f});
  Memory to(1);
  EXPECT_OK(run("scale", 1, 1, {to.pointer(), from.pointer(), 1, 0}));
  EXPECT(to.values()[0] == 6.0f);
  const int five = 5;
  EXPECT_OK(cuMemcpyHtoD_v2(address, &five, 4));
  EXPECT_OK(run("scale", 1, 1, {to.pointer(), from.pointer(), 1, 0}));
  EXPECT(to.values()[0] == 10.0f);
  const int three = 3;
  EXPECT_OK(cuMemcpyHtoD_v2(address, &three, 4));
  EXPECT_RESULT(CUDA_ERROR_NOT_FOUND, cuModuleGetGlobal_v2(&address, &bytes, module, "missing"));
}

// ---- The order

// When each thread of so many blocks came.
std::vector<float> arrivals(unsigned blocks) {
  const unsigned count = blocks * 128;
  Memory to(std::vector<float>(count + 1, 0.0f));
  EXPECT_OK(run("arrival", blocks, 128, {to.pointer(), nullptr, count, 0}));
  std::vector<float> order = to.values();
  order.pop_back();
  return order;
}

void test_orders() {
  // Blocks come in an order that can be told only when one of the host's threads runs all.
  const bool one_thread = std::strcmp(std::getenv("CLESSIDRA_EMULATOR_THREADS"), "1") == 0;
  const unsigned blocks = one_thread ? 3 : 1;
  const size_t count = blocks * 128;
  clessidra_emulator_set_order(kForward);
  const std::vector<float> forward = arrivals(blocks);
  clessidra_emulator_set_order(kReverse);
  const std::vector<float> reverse = arrivals(blocks);
  clessidra_emulator_set_order(kLastBlockFirst);
  EXPECT(arrivals(blocks) == reverse);
  bool right = true;
  for (size_t i = 0; i < count; ++i) {
    right &= forward[i] == static_cast<float>(i);
    right &= reverse[i] == static_cast<float>(count - 1 - i);
  }
  EXPECT(right);
  clessidra_emulator_set_order(kRandom);
  std::set<std::vector<float>> seen;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    clessidra_emulator_set_seed(seed);
    const std::vector<float> order = arrivals(blocks);
    EXPECT((std::set<float>(order.begin(), order.end()).size() == count));
    seen.insert(order);
    // The same seed again: the same order.
    clessidra_emulator_set_seed(seed);
    EXPECT(arrivals(blocks) == order);
  }
  EXPECT(seen.size() == 5);
}

void test_one_warp_ahead() {
  clessidra_emulator_set_order(kOneWarpAhead);
  std::set<size_t> ahead;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    clessidra_emulator_set_seed(seed);
    const std::vector<float> order = arrivals(1);
    float sums[4] = {};
    for (size_t i = 0; i < 128; ++i) sums[i / 32] += order[i];
    ahead.insert(static_cast<size_t>(std::min_element(sums, sums + 4) - sums));
  }
  EXPECT(ahead.size() == 4);
  clessidra_emulator_set_order(kRandom);
}

// ---- Barriers and warps, broken

void expect_fault(const char* kernel, unsigned threads, arguments values, CUresult result,
                  std::initializer_list<const char*> words) {
  for_schedules([&] {
    EXPECT_RESULT(result, run(kernel, 1, threads, values));
    EXPECT(reported({kernel}) && reported(words));
    // The error stays, as the driver's does.
    CUdeviceptr address;
    EXPECT_RESULT(result, cuMemAlloc_v2(&address, 4));
    EXPECT_RESULT(result, cuCtxSynchronize());
    clessidra_emulator_reset();
    EXPECT_OK(cuCtxSynchronize());
    EXPECT(std::string(clessidra_emulator_last_report()).empty());
  });
}

void test_divergent_barrier() {
  EXPECT_OK(run("divergent_barrier", 1, 64, {nullptr, nullptr, 0, 0}));
  expect_fault("divergent_barrier", 64, {nullptr, nullptr, 0, 1}, CUDA_ERROR_LAUNCH_FAILED,
               {"divergent barrier", "kernels.cu:", "block (0,0,0)"});
}

void test_return_before_barrier() {
  EXPECT_OK(run("early_return", 1, 64, {nullptr, nullptr, 0, -1}));
  expect_fault("early_return", 64, {nullptr, nullptr, 0, 5}, CUDA_ERROR_LAUNCH_FAILED,
               {"barrier", "kernels.cu:", "returned", "(5,0,0)"});
  // The last, when all others wait already.
  expect_fault("early_return", 64, {nullptr, nullptr, 0, 63}, CUDA_ERROR_LAUNCH_FAILED,
               {"barrier", "kernels.cu:", "returned", "(63,0,0)"});
}

void test_warp_misuse() {
  EXPECT_OK(run("warp_misuse", 1, 64, {nullptr, nullptr, 0, 0}));
  const auto expect = [](int choice, std::initializer_list<const char*> words) {
    expect_fault("warp_misuse", 32, {nullptr, nullptr, 0, choice}, CUDA_ERROR_LAUNCH_FAILED, words);
  };
  expect(1, {"mask 0xfffffff7 does not name lane 3", "kernels.cu:"});
  expect(2, {"divergent warp", "__shfl_sync", "__ballot_sync", "kernels.cu:"});
  expect(3, {"deadlock", "__syncwarp", "barrier", "kernels.cu:"});
  expect(4, {"returned", "kernels.cu:"});
  expect(5, {"0xffffffff", "kernels.cu:"});
}

void test_livelock() {
  Memory word(std::vector<float>{0.0f});
  EXPECT_RESULT(CUDA_ERROR_LAUNCH_FAILED,
                run("wait_for_word", 1, 32, {word.pointer(), nullptr, 0, 0}));
  EXPECT(reported({"wait_for_word", "livelock"}));
  clessidra_emulator_reset();
  EXPECT_OK(run("wait_for_word", 1, 32, {word.pointer(), nullptr, 0, 1}));
}

void test_lane_that_takes_no_part() {
  Memory to(std::vector<float>(16, 0.0f));
  EXPECT_OK(run("warp_misuse", 1, 32, {to.pointer(), nullptr, 0, 6}));
  EXPECT(is_poison(to.values()[3]));
}

// ---- Memory, broken

void test_illegal_addresses() {
  Memory to(64);  // the end of an allocation of 256 bytes is the end of a page
  EXPECT_OK(run("write_at", 1, 32, {to.pointer(), nullptr, 0, 63}));
  expect_fault("write_at", 32, {to.pointer(), nullptr, 0, 64}, CUDA_ERROR_ILLEGAL_ADDRESS,
               {"illegal access", "0 bytes behind the end of allocation", "of 256 bytes"});
  expect_fault("read_at", 32, {to.pointer(), to.pointer(), 0, 64}, CUDA_ERROR_ILLEGAL_ADDRESS,
               {"illegal access", "behind the end"});
  expect_fault("fail", 32, {nullptr, nullptr, 0, 5}, CUDA_ERROR_ILLEGAL_ADDRESS,
               {"no address of the device", "thread (3,0,0)"});
}

void test_guard_zones() {
  Memory to(20);  // less than the 256 bytes that allocations are aligned to
  EXPECT_OK(run("write_at", 1, 32, {to.pointer(), nullptr, 0, 19}));
  EXPECT_RESULT(CUDA_ERROR_ILLEGAL_ADDRESS, run("write_at", 1, 32, {to.pointer(), nullptr, 0, 20}));
  EXPECT(reported({"write_at", "guard zone", "0 bytes behind the end", "of 80 bytes"}));
  clessidra_emulator_reset();
  // It is still damaged, and the next launch still says so.
  EXPECT_RESULT(CUDA_ERROR_ILLEGAL_ADDRESS, run("write_at", 1, 32, {to.pointer(), nullptr, 0, 0}));
  clessidra_emulator_reset();
  EXPECT_RESULT(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemFree_v2(to.address()));
  EXPECT(reported({"guard zone"}));
  clessidra_emulator_reset();
  Memory second(20);
  EXPECT_RESULT(CUDA_ERROR_ILLEGAL_ADDRESS,
                run("write_at", 1, 32, {second.pointer(), nullptr, 0, -1}));
  EXPECT(reported({"guard zone", "4 bytes before"}));
  clessidra_emulator_reset();
  EXPECT_RESULT(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemFree_v2(second.address()));
  clessidra_emulator_reset();
}

void test_use_after_free() {
  Memory to(64);
  Memory other(64);
  float* const pointer = to.pointer();
  const CUdeviceptr address = to.address();
  EXPECT_OK(run("write_at", 1, 32, {pointer, nullptr, 0, 0}));
  to.free();
  expect_fault("write_at", 32, {pointer, nullptr, 0, 3}, CUDA_ERROR_ILLEGAL_ADDRESS,
               {"at byte 12 of allocation", "which has been freed"});
  float value = 0.0f;
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2(&value, address, 4));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(address));
  EXPECT(reported({"which has been freed"}));
  EXPECT_OK(cuMemcpyDtoH_v2(&value, other.address(), 4));
}

void test_copies_outside_memory() {
  Memory to(16);
  float values[32] = {};
  EXPECT_OK(cuMemcpyHtoD_v2(to.address(), values, 64));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(to.address(), values, 68));
  EXPECT(reported({"cuMemcpyHtoD", "68 bytes"}));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2(values, to.address() + 4, 64));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoD_v2(to.address() + 4, to.address(), 64));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemsetD32_v2(to.address(), 0, 17));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemsetD32_v2(to.address() + 2, 0, 1));
  // Host and device confused.
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE,
                cuMemcpyHtoD_v2(reinterpret_cast<CUdeviceptr>(values), values, 4));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(to.address(), to.pointer(), 4));
  EXPECT_OK(cuCtxSynchronize());
}

void test_host_cannot_touch_device_memory() {
  Memory to(std::vector<float>(16, 1.0f));
  void* pinned = nullptr;
  EXPECT_OK(cuMemHostAlloc(&pinned, 64, 0));
  EXPECT_OK(cuMemcpyDtoH_v2(pinned, to.address(), 64));
  volatile const float* const device = to.pointer();
  volatile const float* const host = static_cast<float*>(pinned);
  EXPECT(signal_of([&] { (void)device[0]; }) == SIGSEGV);
  EXPECT(signal_of([&] { (void)host[0]; }) == 0);
  EXPECT(host[0] == 1.0f);
  EXPECT_OK(cuMemFreeHost(pinned));
}

void test_faults_of_the_host_stay_its_own() {
  EXPECT(signal_of([] { *static_cast<volatile int*>(nullptr) = 1; }) == SIGSEGV);
}

void test_unwritten_shared_memory() {
  Memory to(2);
  for (const int choice : {0, 1}) {
    EXPECT_OK(run("unwritten_shared", 2, 64, {to.pointer(), nullptr, 0, choice}));
    EXPECT(choice == 1 ? to.values()[0] == 1.0f : is_poison(to.values()[0]));
    EXPECT(is_poison(to.values()[1]));
  }
}

void test_dynamic_shared_memory() {
  const std::vector<float> values = numbers(64);
  Memory from(values);
  Memory to(64);
  EXPECT_OK(run("dynamic_shared", 1, 64, {to.pointer(), from.pointer(), 0, 0}, 256));
  EXPECT(to.values() == std::vector<float>(values.rbegin(), values.rend()));
  EXPECT_RESULT(CUDA_ERROR_ILLEGAL_ADDRESS,
                run("dynamic_shared", 1, 64, {to.pointer(), from.pointer(), 0, 1}, 1024));
  clessidra_emulator_reset();
}

void test_alignment() {
  Memory from(numbers(32));
  Memory to(4);
  EXPECT_OK(run("copy_vectors", 1, 1, {to.pointer(), from.pointer(), 0, 4}));
  EXPECT(to.values()[0] == 5.0f);
  expect_fault("copy_vectors", 1, {to.pointer(), from.pointer(), 0, 1},
               CUDA_ERROR_MISALIGNED_ADDRESS, {"misaligned", "multiple of 16", "kernels.cu:"});
}

void test_other_faults() {
  Memory to(std::vector<float>{0.0f});
  EXPECT_OK(run("fail", 1, 32, {to.pointer(), to.pointer(), 1, 0}));
  EXPECT(to.values()[0] == 2.0f);
  Memory zero(std::vector<float>{0.0f});
  expect_fault("fail", 32, {to.pointer(), nullptr, 0, 1}, CUDA_ERROR_LAUNCH_FAILED,
               {"__trap", "kernels.cu:", "thread (3,0,0)"});
  EXPECT_OK(run("fail", 1, 32, {to.pointer(), nullptr, 0, 2}));
  expect_fault("fail", 32, {to.pointer(), nullptr, 1, 2}, CUDA_ERROR_ASSERT,
               {"assert(a.count == 0)", "kernels.cu:"});
  expect_fault("fail", 32, {to.pointer(), zero.pointer(), 0, 3}, CUDA_ERROR_LAUNCH_FAILED,
               {"divided by zero"});
  Memory unwritten(2);
  expect_fault("fail", 32, {to.pointer(), unwritten.pointer(), 0, 6}, CUDA_ERROR_ILLEGAL_ADDRESS,
               {"such as poison", "thread (3,0,0)"});
  expect_fault("fail", 32, {to.pointer(), zero.pointer(), 0, 4}, CUDA_ERROR_LAUNCH_FAILED,
               {"stack", "used up"});
}

// ---- Streams

CUstream make_stream() {
  CUstream stream = nullptr;
  EXPECT_OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
  return stream;
}

// What a copy in a second stream sees of a first one's fill, for many seeds.
std::set<float> seen_across_streams(bool wait) {
  CUstream first = make_stream();
  CUstream second = make_stream();
  CUevent event = nullptr;
  EXPECT_OK(cuEventCreate(&event, 0));
  std::set<float> seen;
  Memory from(1);
  Memory to(1);
  const CUfunction copy = function_of("copy");
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_OK(cuMemsetD32_v2(from.address(), 0, 1));
    EXPECT_OK(cuCtxSynchronize());
    clessidra_emulator_set_seed(seed);
    EXPECT_OK(cuMemsetD32Async(from.address(), 0x3f800000, 1, first));
    if (wait) {
      EXPECT_OK(cuEventRecord(event, first));
      EXPECT_OK(cuStreamWaitEvent(second, event, 0));
    }
    EXPECT_OK(launch(copy, 1, 1, {to.pointer(), from.pointer(), 1, 0}, second));
    EXPECT_OK(cuStreamSynchronize(second));
    float value = 0.0f;
    EXPECT_OK(cuMemcpyDtoH_v2(&value, to.address(), 4));
    seen.insert(value);
  }
  EXPECT_OK(cuStreamDestroy_v2(first));
  EXPECT_OK(cuStreamDestroy_v2(second));
  EXPECT_OK(cuEventDestroy_v2(event));
  return seen;
}

void test_missing_wait_shows() {
  EXPECT((seen_across_streams(true) == std::set<float>{1.0f}));
  EXPECT((seen_across_streams(false) == std::set<float>{0.0f, 1.0f}));
}

void test_asynchronous_copies_land_late() {
  CUstream stream = make_stream();
  Memory to(1);
  void* memory = nullptr;
  EXPECT_OK(cuMemAllocHost_v2(&memory, 4));
  float* const pinned = static_cast<float*>(memory);
  float pageable = 1.0f;
  // What pinned memory holds when the copy runs counts, not what it held at the call.
  *pinned = 1.0f;
  EXPECT_OK(cuMemcpyHtoDAsync_v2(to.address(), pinned, 4, stream));
  *pinned = 2.0f;
  EXPECT_OK(cuStreamSynchronize(stream));
  EXPECT(to.values()[0] == 2.0f);
  EXPECT_OK(cuMemcpyHtoDAsync_v2(to.address(), &pageable, 4, stream));
  pageable = 2.0f;
  EXPECT_OK(cuStreamSynchronize(stream));
  EXPECT(to.values()[0] == 1.0f);
  // Nothing has been copied before the stream is waited for.
  *pinned = 5.0f;
  EXPECT_OK(cuMemcpyDtoHAsync_v2(pinned, to.address(), 4, stream));
  EXPECT(*pinned == 5.0f);
  EXPECT_OK(cuStreamSynchronize(stream));
  EXPECT(*pinned == 1.0f);
  // To pageable memory the call itself waits.
  EXPECT_OK(cuMemcpyDtoHAsync_v2(&pageable, to.address(), 4, stream));
  EXPECT(pageable == 1.0f);
  EXPECT_OK(cuStreamDestroy_v2(stream));
  EXPECT_OK(cuMemFreeHost(pinned));
}

void test_legacy_stream() {
  // A blocking stream and the legacy one wait for each other.
  CUstream stream = nullptr;
  EXPECT_OK(cuStreamCreate(&stream, 0));
  Memory from(1);
  Memory to(1);
  const CUfunction copy = function_of("copy");
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    clessidra_emulator_set_seed(seed);
    const auto word = static_cast<unsigned>(seed);
    EXPECT_OK(cuMemsetD32_v2(from.address(), word, 1));
    EXPECT_OK(launch(copy, 1, 1, {to.pointer(), from.pointer(), 1, 0}, stream));
    unsigned got = 0;
    EXPECT_OK(cuMemcpyDtoH_v2(&got, to.address(), 4));
    EXPECT(got == word);
  }
  EXPECT_OK(cuStreamDestroy_v2(stream));
}

void test_events() {
  CUstream stream = make_stream();
  CUevent start = nullptr;
  CUevent end = nullptr;
  EXPECT_OK(cuEventCreate(&start, 0));
  EXPECT_OK(cuEventCreate(&end, 0));
  Memory to(1);
  EXPECT_OK(cuEventQuery(start));  // never recorded
  EXPECT_OK(cuEventRecord(start, stream));
  EXPECT_OK(cuMemsetD32Async(to.address(), 1, 1, stream));
  EXPECT_OK(cuEventRecord(end, stream));
  float milliseconds = -1.0f;
  EXPECT_RESULT(CUDA_ERROR_NOT_READY, cuEventElapsedTime(&milliseconds, start, end));
  EXPECT_RESULT(CUDA_ERROR_NOT_READY, cuStreamQuery(stream));
  int queries = 1;
  while (cuEventQuery(end) == CUDA_ERROR_NOT_READY && queries < 100) ++queries;
  EXPECT(queries < 100);
  EXPECT_OK(cuStreamQuery(stream));
  EXPECT_OK(cuEventElapsedTime(&milliseconds, start, end));
  EXPECT(milliseconds >= 0.0f && milliseconds < 1e4f);
  EXPECT_OK(cuEventDestroy_v2(start));
  EXPECT_OK(cuEventDestroy_v2(end));
  EXPECT_OK(cuStreamDestroy_v2(stream));
}

void test_stream_ordered_memory() {
  CUstream stream = make_stream();
  CUdeviceptr address = 0;
  EXPECT_OK(cuMemAllocAsync(&address, 256, stream));
  float* const pointer = reinterpret_cast<float*>(address);
  EXPECT_OK(launch(function_of("write_at"), 1, 1, {pointer, nullptr, 0, 1}, stream));
  EXPECT_OK(cuMemFreeAsync(address, stream));
  EXPECT_OK(cuStreamSynchronize(stream));
  EXPECT_OK(cuMemAllocAsync(&address, 256, stream));
  EXPECT_OK(cuMemFreeAsync(address, stream));
  EXPECT_OK(launch(function_of("write_at"), 1, 1,
                   {reinterpret_cast<float*>(address), nullptr, 0, 1}, stream));
  EXPECT_RESULT(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
  EXPECT(reported({"which has been freed"}));
  clessidra_emulator_reset();
  EXPECT_OK(cuStreamDestroy_v2(stream));
}

void test_host_functions() {
  CUstream stream = make_stream();
  struct Context {
    int calls = 0;
    int result = 0;
  } context;
  EXPECT_OK(cuLaunchHostFunc(
      stream,
      [](void* data) {
        auto& context = *static_cast<Context*>(data);
        ++context.calls;
        context.result = cuCtxSynchronize();
      },
      &context));
  EXPECT(context.calls == 0);
  EXPECT_OK(cuStreamSynchronize(stream));
  EXPECT(context.calls == 1 && context.result == CUDA_ERROR_NOT_PERMITTED);
  EXPECT_OK(cuStreamDestroy_v2(stream));
}

// ---- Graphs

void test_graphs() {
  CUstream first = make_stream();
  CUstream second = make_stream();
  CUevent fork = nullptr;
  CUevent join = nullptr;
  EXPECT_OK(cuEventCreate(&fork, 0));
  EXPECT_OK(cuEventCreate(&join, 0));
  Memory values(std::vector<float>{0.0f, 0.0f, 0.0f});
  Memory one(std::vector<float>{1.0f});
  const CUfunction copy = function_of("copy");
  const auto copy_to = [&](int to, const float* from, CUstream stream) {
    EXPECT_OK(launch(copy, 1, 1, {values.pointer() + to, from, 1, 0}, stream));
  };
  EXPECT_OK(cuCtxSynchronize());
  EXPECT_OK(cuStreamBeginCapture_v2(first, CU_STREAM_CAPTURE_MODE_GLOBAL));
  CUstreamCaptureStatus status;
  EXPECT_OK(cuStreamIsCapturing(first, &status));
  EXPECT(status == CU_STREAM_CAPTURE_STATUS_ACTIVE);
  copy_to(0, one.pointer(), first);
  EXPECT_OK(cuEventRecord(fork, first));
  EXPECT_OK(cuStreamWaitEvent(second, fork, 0));
  copy_to(1, values.pointer(), second);
  EXPECT_OK(cuEventRecord(join, second));
  EXPECT_OK(cuStreamWaitEvent(first, join, 0));
  copy_to(2, values.pointer() + 1, first);
  CUgraph graph = nullptr;
  EXPECT_OK(cuStreamEndCapture(first, &graph));
  EXPECT_OK(cuStreamIsCapturing(first, &status));
  EXPECT(status == CU_STREAM_CAPTURE_STATUS_NONE);
  size_t nodes = 0;
  EXPECT_OK(cuGraphGetNodes(graph, nullptr, &nodes));
  EXPECT(nodes == 3);
  // Capturing ran nothing.
  EXPECT((values.values() == std::vector<float>{0.0f, 0.0f, 0.0f}));
  CUgraphExec executable = nullptr;
  EXPECT_OK(cuGraphInstantiateWithFlags(&executable, graph, 0));
  EXPECT_OK(cuGraphDestroy(graph));
  for (unsigned round = 1; round <= 20; ++round) {
    EXPECT_OK(cuMemsetD32_v2(one.address(), round, 1));
    EXPECT_OK(cuCtxSynchronize());
    EXPECT_OK(cuGraphLaunch(executable, first));
    EXPECT_OK(cuStreamSynchronize(first));
    unsigned got[3];
    EXPECT_OK(cuMemcpyDtoH_v2(got, values.address(), 12));
    EXPECT(got[0] == round && got[1] == round && got[2] == round);
  }
  EXPECT_OK(cuGraphExecDestroy(executable));
  EXPECT_OK(cuEventDestroy_v2(fork));
  EXPECT_OK(cuEventDestroy_v2(join));
  EXPECT_OK(cuStreamDestroy_v2(first));
  EXPECT_OK(cuStreamDestroy_v2(second));
}

void test_capture_refuses() {
  CUstream stream = make_stream();
  CUgraph graph = nullptr;
  Memory memory(1);
  CUdeviceptr address = 0;
  float value = 0.0f;
  const auto refused = [&](CUresult expected, const std::function<int()>& body) {
    EXPECT_OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT_RESULT(expected, body());
    CUstreamCaptureStatus status;
    EXPECT_OK(cuStreamIsCapturing(stream, &status));
    EXPECT(status == CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    EXPECT_RESULT(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cuStreamEndCapture(stream, &graph));
    EXPECT(graph == nullptr);
  };
  refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuMemAlloc_v2(&address, 4); });
  refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuMemFree_v2(memory.address()); });
  refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [] { return cuCtxSynchronize(); });
  refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, [&] { return cuStreamSynchronize(stream); });
  refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
          [&] { return cuMemcpyDtoH_v2(&value, memory.address(), 4); });
  // Work outside it that the capture would depend on.
  CUstream other = make_stream();
  CUevent event = nullptr;
  EXPECT_OK(cuEventCreate(&event, 0));
  EXPECT_OK(cuEventRecord(event, other));
  refused(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, [&] { return cuStreamWaitEvent(stream, event, 0); });
  // Work that is never joined.
  EXPECT_OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  EXPECT_OK(cuEventRecord(event, stream));
  EXPECT_OK(cuStreamWaitEvent(other, event, 0));
  EXPECT_OK(cuMemsetD32Async(memory.address(), 0, 1, other));
  EXPECT_RESULT(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, cuStreamEndCapture(stream, &graph));
  // A relaxed capture leaves the choice to the caller.
  EXPECT_OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  EXPECT_OK(cuMemAlloc_v2(&address, 4));
  EXPECT_OK(cuStreamEndCapture(stream, &graph));
  EXPECT_OK(cuGraphDestroy(graph));
  EXPECT_OK(cuMemFree_v2(address));
  EXPECT_OK(cuEventDestroy_v2(event));
  EXPECT_OK(cuStreamDestroy_v2(stream));
  EXPECT_OK(cuStreamDestroy_v2(other));
}

// ---- Modules and launches

const KernelOfCubin kCopy = {"copy", {8, 8, 8, 8}, 0, 0, 0};

// The result of loading an image, unloaded again when it could be.
int load(const std::string& image, CUmodule* loaded = nullptr) {
  CUmodule here = nullptr;
  // The driver reads a header before it knows how long the image is.
  const std::string padded = image + std::string(64, '\0');
  const int result = cuModuleLoadData(&here, padded.data());
  if (loaded != nullptr) {
    *loaded = here;
  } else if (result == CUDA_SUCCESS) {
    EXPECT_OK(cuModuleUnload(here));
  }
  return result;
}

KernelOfCubin three_parameters() { return {"three_parameters", {8, 1, 8}, 0, 0, 0}; }

void test_module_is_checked() {
  EXPECT_OK(load(make_fatbin({make_cubin(80, {three_parameters()}), make_cubin(90, {})})));
  EXPECT_OK(load(make_cubin(90, {three_parameters()})));
  KernelOfCubin wrong = three_parameters();
  wrong.parameters = {8, 1, 4};
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE, load(make_fatbin({make_cubin(90, {wrong})})));
  EXPECT(reported({"parameter 2 of kernel three_parameters", "4 bytes at offset 12",
                   "8 bytes at offset 16", "sm_90"}));
  // Also when only one of several architectures differs.
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE,
                load(make_fatbin({make_cubin(80, {wrong}), make_cubin(90, {three_parameters()})})));
  wrong.parameters = {8, 1};
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE, load(make_cubin(90, {wrong})));
  EXPECT(reported({"2 parameters in the fatbin but 3"}));
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE, load(make_cubin(90, {{"missing", {8}, 0, 0, 0}})));
  EXPECT(reported({"missing", "no emulated library"}));
  KernelOfCubin large = three_parameters();
  large.static_shared = 48 << 10;
  EXPECT_OK(load(make_cubin(90, {large})));
  large.static_shared += 4;
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE, load(make_cubin(90, {large})));
  EXPECT(reported({"static shared memory"}));
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE,
                load(make_fatbin({make_cubin(90, {three_parameters()})}, 0x8000)));
  EXPECT(reported({"--no-compress"}));
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE, load("nonsense"));
  EXPECT(reported({"neither a fatbin nor a cubin"}));
}

void test_error_log() {
  CUmodule loaded = nullptr;
  char log[128] = "";
  int options[] = {5, 6};
  void* values[] = {log, reinterpret_cast<void*>(uintptr_t{sizeof log})};
  const std::string image = "nonsense" + std::string(64, '\0');
  EXPECT_RESULT(CUDA_ERROR_INVALID_IMAGE,
                cuModuleLoadDataEx(&loaded, image.data(), 2, options, values));
  EXPECT(std::strstr(log, "neither a fatbin") != nullptr);
  EXPECT_RESULT(CUDA_ERROR_FILE_NOT_FOUND, cuModuleLoad(&loaded, "no/such/file.fatbin"));
  EXPECT(reported({"cannot read no/such/file.fatbin"}));
}

void test_functions_of_a_module() {
  CUmodule small = nullptr;
  EXPECT_OK(load(make_cubin(90, {three_parameters()}), &small));
  CUfunction function = nullptr;
  EXPECT_OK(cuModuleGetFunction(&function, small, "three_parameters"));
  EXPECT_RESULT(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&function, small, "copy"));
  EXPECT(reported({"no kernel named copy"}));
  EXPECT_OK(cuModuleUnload(small));
  EXPECT_RESULT(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(small));
}

void test_limits_of_a_launch() {
  arguments values = {nullptr, nullptr, 0, 0};
  void* parameters[] = {&values};
  const CUfunction copy = function_of("copy");
  const auto launch_with = [&](unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                               unsigned block_y, unsigned block_z) {
    return cuLaunchKernel(copy, grid_x, grid_y, grid_z, block_x, block_y, block_z, 0, nullptr,
                          parameters, nullptr);
  };
  EXPECT_OK(launch_with(1, 1, 1, 1024, 1, 1));
  EXPECT_OK(launch_with(1, 1, 1, 4, 4, 64));
  EXPECT_OK(launch_with(1, 65535, 1, 1, 1, 1));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch_with(1, 1, 1, 1025, 1, 1));
  EXPECT(reported({"copy", "1024 threads"}));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch_with(1, 1, 1, 513, 2, 1));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch_with(1, 1, 1, 1, 1, 65));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch_with(1, 65536, 1, 1, 1, 1));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch_with(1, 1, 65536, 1, 1, 1));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch_with(0x80000000u, 1, 1, 1, 1, 1));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch_with(0, 1, 1, 1, 1, 1));
  EXPECT_OK(cuCtxSynchronize());
}

void test_limits_of_a_kernel() {
  KernelOfCubin bounded = kCopy;
  bounded.parameters = {32};
  bounded.maximum_threads = 128;
  bounded.static_shared = 40 << 10;
  bounded.registers = 255;
  CUmodule loaded = nullptr;
  EXPECT_OK(load(make_cubin(90, {bounded}), &loaded));
  const CUfunction function = function_of("copy", loaded);
  const arguments none = {nullptr, nullptr, 0, 0};
  EXPECT_OK(launch(function, 1, 128, none));
  EXPECT_RESULT(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, launch(function, 1, 129, none));
  EXPECT(reported({"copy", "launch bounds allow 128 threads"}));
  EXPECT_OK(launch(function, 1, 32, none, nullptr, 8 << 10));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, launch(function, 1, 32, none, nullptr, (8 << 10) + 1));
  EXPECT(reported({"dynamic shared memory", "8192 are allowed"}));
  EXPECT_OK(cuFuncSetAttribute(function, 8, 100 << 10));
  EXPECT_OK(launch(function, 1, 32, none, nullptr, 100 << 10));
  EXPECT_RESULT(CUDA_ERROR_INVALID_VALUE, cuFuncSetAttribute(function, 8, 200 << 10));
  int value = 0;
  EXPECT_OK(cuFuncGetAttribute(&value, 0, function));
  EXPECT(value == 128);
  EXPECT_OK(cuFuncGetAttribute(&value, 1, function));
  EXPECT(value == 40 << 10);
  EXPECT_OK(cuFuncGetAttribute(&value, 4, function));
  EXPECT(value == 255);
  // 40 KiB and 1 KiB of the driver's, of 228 KiB.
  EXPECT_OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, function, 32, 0));
  EXPECT(value == 5);
  // 8192 registers a warp, of 65536.
  EXPECT_OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, function, 128, 0));
  EXPECT(value == 2);
  EXPECT_OK(cuModuleUnload(loaded));
  bounded.maximum_threads = 0;
  EXPECT_OK(load(make_cubin(90, {bounded}), &loaded));
  EXPECT_OK(launch(function_of("copy", loaded), 1, 256, none));
  EXPECT_RESULT(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
                launch(function_of("copy", loaded), 1, 257, none));
  EXPECT(reported({"255 registers"}));
  EXPECT_OK(cuModuleUnload(loaded));
}

void test_real_fatbin(const std::string& path) {
  CUmodule loaded = nullptr;
  EXPECT_OK(cuModuleLoad(&loaded, path.c_str()));
  if (loaded == nullptr) return;
  const CUfunction function = function_of("reverse_blocks", loaded);
  int value = 0;
  EXPECT_OK(cuFuncGetAttribute(&value, 0, function));
  EXPECT(value == 256);
  EXPECT_OK(cuFuncGetAttribute(&value, 1, function));
  EXPECT(value == 1024);
  EXPECT_OK(cuFuncGetAttribute(&value, 4, function));
  EXPECT(value > 4 && value < 100);
  const arguments none = {nullptr, nullptr, 0, 0};
  EXPECT_RESULT(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, launch(function, 1, 257, none));
  Memory from(numbers(256));
  Memory to(256);
  EXPECT_OK(launch(function, 1, 256, {to.pointer(), from.pointer(), 0, 0}));
  EXPECT(to.values()[0] == 257.0f);
  EXPECT_OK(cuModuleUnload(loaded));
}

// ---- The driver

void test_device() {
  int value = 0;
  EXPECT_OK(cuDriverGetVersion(&value));
  EXPECT(value == 13000);
  EXPECT_OK(cuDeviceGetCount(&value));
  EXPECT(value == 1);
  CUdevice device = -1;
  EXPECT_OK(cuDeviceGet(&device, 0));
  EXPECT_RESULT(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, 1));
  char name[64] = "";
  EXPECT_OK(cuDeviceGetName(name, sizeof name, 0));
  EXPECT(std::strstr(name, "emulated") != nullptr);
  EXPECT_OK(cuDeviceGetAttribute(&value, 75, 0));
  EXPECT(value == 9);
  size_t free = 0;
  size_t total = 0;
  EXPECT_OK(cuMemGetInfo_v2(&free, &total));
  Memory memory(1024);
  size_t left = 0;
  EXPECT_OK(cuMemGetInfo_v2(&left, &total));
  EXPECT(left == free - 4096);
  CUdeviceptr address = 0;
  EXPECT_RESULT(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&address, total + 1));
  unsigned type = 0;
  EXPECT_OK(cuPointerGetAttribute(&type, 2, memory.address() + 5));
  EXPECT(type == 2);
  CUdeviceptr begin = 0;
  size_t bytes = 0;
  EXPECT_OK(cuMemGetAddressRange_v2(&begin, &bytes, memory.address() + 4095));
  EXPECT(begin == memory.address() && bytes == 4096);
  const char* text = nullptr;
  EXPECT_OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  EXPECT(std::strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS") == 0);
  EXPECT_OK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text));
  EXPECT(std::strcmp(text, "out of memory") == 0);
}

void test_contexts() {
  CUcontext before = nullptr;
  EXPECT_OK(cuCtxGetCurrent(&before));
  EXPECT_OK(cuCtxSetCurrent(nullptr));
  CUdeviceptr address;
  EXPECT_RESULT(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc_v2(&address, 4));
  CUcontext created = nullptr;
  EXPECT_OK(cuCtxCreate_v2(&created, 0, 0));
  EXPECT_OK(cuMemAlloc_v2(&address, 4));
  EXPECT_OK(cuMemFree_v2(address));
  EXPECT_OK(cuCtxDestroy_v2(created));
  EXPECT_RESULT(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc_v2(&address, 4));
  EXPECT_OK(cuCtxSetCurrent(before));
  EXPECT_OK(cuMemAlloc_v2(&address, 4));
  EXPECT_OK(cuMemFree_v2(address));
}

void test_threads_of_the_host() {
  CUcontext context = nullptr;
  EXPECT_OK(cuCtxGetCurrent(&context));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int number = 1; number <= 4; ++number) {
    threads.emplace_back([&wrong, context, number] {
      CUstream stream = nullptr;
      CUdeviceptr memory = 0;
      CUfunction copy = nullptr;
      wrong += cuMemAlloc_v2(&memory, 4) != CUDA_ERROR_INVALID_CONTEXT;  // each thread sets its own
      wrong += cuCtxSetCurrent(context) != CUDA_SUCCESS;
      wrong += cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) != CUDA_SUCCESS;
      wrong += cuModuleGetFunction(&copy, module, "copy") != CUDA_SUCCESS;
      wrong += cuMemAlloc_v2(&memory, 2 * sizeof(float)) != CUDA_SUCCESS;
      float* const values = reinterpret_cast<float*>(memory);
      for (int round = 0; round < 100; ++round) {
        const auto sent = static_cast<unsigned>(1000 * number + round);
        unsigned got = 0;
        wrong += cuMemsetD32Async(memory, sent, 1, stream) != CUDA_SUCCESS;
        wrong += launch(copy, 1, 32, {values + 1, values, 1, 0}, stream) != CUDA_SUCCESS;
        wrong += cuMemcpyDtoHAsync_v2(&got, memory + 4, 4, stream) != CUDA_SUCCESS;
        wrong += cuStreamSynchronize(stream) != CUDA_SUCCESS || got != sent;
      }
      wrong += cuStreamDestroy_v2(stream) != CUDA_SUCCESS;
      wrong += cuMemFree_v2(memory) != CUDA_SUCCESS;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT(wrong == 0);
}

void test_symbols() {
  const char* const names[] = {
#define CLESSIDRA_SYMBOL(name) #name,
#include "symbols.def"
#undef CLESSIDRA_SYMBOL
  };
  void* const library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  EXPECT(library != nullptr);
  EXPECT(std::size(names) > 400);
  for (const char* name : names) EXPECT(dlsym(library, name) != nullptr);
  EXPECT(dlsym(library, "cuNoSuchFunction") == nullptr);
  const auto unsupported = reinterpret_cast<int (*)()>(dlsym(library, "cuTexRefCreate"));
  EXPECT_RESULT(CUDA_ERROR_NOT_SUPPORTED, unsupported());
  EXPECT(reported({"cuTexRefCreate is not supported"}));
}

struct Test {
  const char* name;
  void (*body)();
};

constexpr Test kTests[] = {
#define TEST(name) {#name, test_##name}
    TEST(copies_and_fills),
    TEST(parameters_of_any_number),
    TEST(indices),
    TEST(barriers),
    TEST(warp_operations),
    TEST(atomics),
    TEST(intrinsics),
    TEST(variables),
    TEST(orders),
    TEST(one_warp_ahead),
    TEST(divergent_barrier),
    TEST(return_before_barrier),
    TEST(warp_misuse),
    TEST(livelock),
    TEST(lane_that_takes_no_part),
    TEST(illegal_addresses),
    TEST(guard_zones),
    TEST(use_after_free),
    TEST(copies_outside_memory),
    TEST(host_cannot_touch_device_memory),
    TEST(faults_of_the_host_stay_its_own),
    TEST(unwritten_shared_memory),
    TEST(dynamic_shared_memory),
    TEST(alignment),
    TEST(other_faults),
    TEST(missing_wait_shows),
    TEST(asynchronous_copies_land_late),
    TEST(legacy_stream),
    TEST(events),
    TEST(stream_ordered_memory),
    TEST(host_functions),
    TEST(graphs),
    TEST(capture_refuses),
    TEST(module_is_checked),
    TEST(error_log),
    TEST(functions_of_a_module),
    TEST(limits_of_a_launch),
    TEST(limits_of_a_kernel),
    TEST(device),
    TEST(contexts),
    TEST(threads_of_the_host),
    TEST(symbols),
#undef TEST
};

}  // namespace

int main(int count, char** words) {
  const std::string fatbin = count > 1 ? words[1] : "";
  if (std::getenv("CLESSIDRA_EMULATOR_THREADS") == nullptr) return 2;
  // Hundreds of reports are made on purpose.
  if (std::freopen("/dev/null", "w", stderr) == nullptr) return 2;
  int passed = 0;
  int failed = 0;
  const auto run_test = [&](const char* name, const std::function<void()>& body) {
    test_name = name;
    failures = 0;
    body();
    clessidra_emulator_reset();
    clessidra_emulator_set_seed(1);
    clessidra_emulator_set_order(kRandom);
    ++(failures == 0 ? passed : failed);
  };
  run_test("not initialized", [] {
    int devices;
    EXPECT_RESULT(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGetCount(&devices));
    EXPECT_OK(cuInit(0));
    CUcontext context = nullptr;
    EXPECT_OK(cuDevicePrimaryCtxRetain(&context, 0));
    EXPECT_OK(cuCtxSetCurrent(context));
    EXPECT_OK(cuModuleLoadData(&module, "CLESSIDRA EMULATED"));
  });
  for (const Test& test : kTests) run_test(test.name, test.body);
  if (!fatbin.empty()) run_test("real_fatbin", [&] { test_real_fatbin(fatbin); });
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

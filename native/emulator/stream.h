// Streams, events and graphs. Work is only queued; it runs, in any order that streams and events
// allow, when something waits for it.
#ifndef CLESSIDRA_EMULATOR_STREAM_H
#define CLESSIDRA_EMULATOR_STREAM_H

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "driver.h"
#include "random.h"

namespace clessidra::emulator {

// What a stream or a graph does at one point; seed: for the order in which a grid runs.
using Action = std::function<CUresult(uint64_t seed)>;

struct Operation {
  Action action;
  CUstream stream;
  std::vector<std::shared_ptr<Operation>> waits_for;
  bool done = false;
  double finished_at = 0.0;  // seconds
};

struct GraphNode {
  CUgraphNodeType type;
  Action action;
  std::vector<CUgraphNode> waits_for;
};

struct Capture;

}  // namespace clessidra::emulator

struct CUgraphNode_st : clessidra::emulator::GraphNode {};

struct CUgraph_st {
  std::vector<std::shared_ptr<CUgraphNode_st>> nodes;
};

struct CUgraphExec_st {
  std::shared_ptr<const CUgraph_st> graph;
};

struct CUstream_st {
  bool blocking;
  int priority;
  unsigned long long id;
  bool destroyed = false;
  std::deque<std::shared_ptr<clessidra::emulator::Operation>> queue = {};
  // While it captures: where it does so, and the nodes that the next one comes after.
  std::shared_ptr<clessidra::emulator::Capture> capture = nullptr;
  std::vector<CUgraphNode> tail = {};
};

struct CUevent_st {
  bool timing;
  std::shared_ptr<clessidra::emulator::Operation> operation;
  std::shared_ptr<clessidra::emulator::Capture> capture;
  std::vector<CUgraphNode> tail;
};

namespace clessidra::emulator {

struct Capture {
  CUstream origin;
  CUstreamCaptureMode mode;
  bool valid = true;
  std::unique_ptr<CUgraph_st> graph = std::make_unique<CUgraph_st>();
};

// All the streams of the device. Not for two threads at a time.
class Streams {
 public:
  Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  // The stream that a handle stands for: null when there is none.
  CUstream find(CUstream handle);
  CUstream create(bool blocking, int priority);
  void destroy(CUstream stream);

  // Queues an action, or adds it to the graph that the stream captures.
  CUresult submit(CUstream stream, CUgraphNodeType type, Action action);
  CUresult record(CUstream stream, CUevent event);
  CUresult wait(CUstream stream, CUevent event);

  // Runs what is needed until the operation, the stream or everything is done.
  CUresult run_until(const std::shared_ptr<Operation>& operation);
  CUresult run_until_done(CUstream stream);
  CUresult run_all();
  // Runs one operation that the given one needs.
  CUresult run_step(const std::shared_ptr<Operation>& operation);

  CUresult begin_capture(CUstream stream, CUstreamCaptureMode mode);
  CUresult end_capture(CUstream stream, CUgraph* graph);
  // Whether a capture forbids calls that may wait for the device; it is invalid then.
  bool forbid_when_capturing();

  // The error that the device has had, which all later calls return.
  CUresult error() const { return error_; }
  void set_error(CUresult error);
  // Forgets the error, and all that was queued.
  void reset();
  // Begins the random order of this seed.
  void seed(uint64_t seed) { random_ = Random(seed); }

 private:
  CUresult run(const std::shared_ptr<Operation>& operation);
  CUresult run_others();
  bool is_ready(CUstream_st& stream) const;
  CUresult finish();
  void sweep();
  std::shared_ptr<Operation> last_of(CUstream stream);
  void queue(CUstream stream, const std::shared_ptr<Operation>& operation);

  std::unique_ptr<CUstream_st> legacy_;
  std::vector<std::unique_ptr<CUstream_st>> streams_;
  unsigned long long next_id_ = 3;
  Random random_;
  CUresult error_ = CUDA_SUCCESS;
};

// An action that does all of a graph's, in any order that its edges allow.
Action run_graph(std::shared_ptr<const CUgraph_st> graph);

}  // namespace clessidra::emulator

#endif

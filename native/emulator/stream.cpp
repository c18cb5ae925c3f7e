#include "stream.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <unordered_map>

#include "memory.h"
#include "report.h"
#include "settings.h"

namespace clessidra::emulator {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool is_random() {
  return settings().order == Order::kRandom || settings().order == Order::kOneWarpAhead;
}

}  // namespace

Streams::Streams()
    : legacy_(std::make_unique<CUstream_st>(CUstream_st{true, 0, 1})), random_(settings().seed) {}

CUstream Streams::find(CUstream handle) {
  // 0 and 1 both name the legacy default stream.
  if (reinterpret_cast<uintptr_t>(handle) <= 1) return legacy_.get();
  for (const auto& stream : streams_) {
    if (stream.get() == handle && !stream->destroyed) return handle;
  }
  return nullptr;
}

CUstream Streams::create(bool blocking, int priority) {
  streams_.push_back(std::make_unique<CUstream_st>(CUstream_st{blocking, priority, next_id_++}));
  return streams_.back().get();
}

void Streams::destroy(CUstream stream) {
  stream->destroyed = true;
  sweep();
}

// A destroyed stream stays until its work is done.
void Streams::sweep() {
  std::erase_if(streams_, [](const auto& stream) {
    return stream->destroyed && stream->queue.empty();
  });
}

std::shared_ptr<Operation> Streams::last_of(CUstream stream) {
  return stream->queue.empty() ? nullptr : stream->queue.back();
}

void Streams::queue(CUstream stream, const std::shared_ptr<Operation>& operation) {
  operation->stream = stream;
  const auto wait_for_last = [&](CUstream other) {
    if (const auto last = last_of(other)) operation->waits_for.push_back(last);
  };
  // The legacy stream and the blocking ones wait for each other.
  if (stream == legacy_.get()) {
    for (const auto& other : streams_) {
      if (other->blocking) wait_for_last(other.get());
    }
  } else if (stream->blocking) {
    wait_for_last(legacy_.get());
  }
  stream->queue.push_back(operation);
}

CUresult Streams::submit(CUstream stream, CUgraphNodeType type, Action action) {
  if (stream->capture != nullptr) {
    if (!stream->capture->valid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    auto node = std::make_shared<CUgraphNode_st>(
        CUgraphNode_st{{type, std::move(action), std::move(stream->tail)}});
    stream->tail = {node.get()};
    stream->capture->graph->nodes.push_back(std::move(node));
    return CUDA_SUCCESS;
  }
  if (stream == legacy_.get()) {
    for (const auto& other : streams_) {
      if (other->blocking && other->capture != nullptr) {
        other->capture->valid = false;
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
      }
    }
  }
  auto operation = std::make_shared<Operation>();
  operation->action = std::move(action);
  queue(stream, operation);
  return CUDA_SUCCESS;
}

CUresult Streams::record(CUstream stream, CUevent event) {
  event->capture = stream->capture;
  event->tail = stream->tail;
  event->operation = nullptr;
  if (stream->capture != nullptr) {
    return stream->capture->valid ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  }
  const CUresult result =
      submit(stream, CU_GRAPH_NODE_TYPE_EMPTY, [](uint64_t) { return CUDA_SUCCESS; });
  if (result == CUDA_SUCCESS) event->operation = last_of(stream);
  return result;
}

CUresult Streams::wait(CUstream stream, CUevent event) {
  if (event->capture != nullptr && event->capture->graph != nullptr) {
    if (stream->capture == nullptr) {
      stream->capture = event->capture;
      stream->tail.clear();
    } else if (stream->capture != event->capture) {
      stream->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    for (CUgraphNode node : event->tail) {
      if (std::find(stream->tail.begin(), stream->tail.end(), node) == stream->tail.end()) {
        stream->tail.push_back(node);
      }
    }
    return CUDA_SUCCESS;
  }
  if (stream->capture != nullptr) {
    stream->capture->valid = false;
    return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
  }
  if (event->operation == nullptr || event->operation->done) return CUDA_SUCCESS;
  auto operation = std::make_shared<Operation>();
  operation->action = [](uint64_t) { return CUDA_SUCCESS; };
  operation->waits_for.push_back(event->operation);
  queue(stream, operation);
  return CUDA_SUCCESS;
}

// ---- Running

CUresult Streams::run(const std::shared_ptr<Operation>& operation) {
  device_memory().open();
  const CUresult result = operation->action(random_.next());
  operation->stream->queue.pop_front();
  operation->finished_at = now();
  operation->done = true;
  operation->action = nullptr;
  operation->waits_for.clear();
  if (result != CUDA_SUCCESS) set_error(result);
  return error_;
}

bool Streams::is_ready(CUstream_st& stream) const {
  return !stream.queue.empty() &&
         std::all_of(stream.queue.front()->waits_for.begin(), stream.queue.front()->waits_for.end(),
                     [](const auto& other) { return other->done; });
}

// Some of the operations that could run but are not needed, so that a stream may also be early.
CUresult Streams::run_others() {
  if (!is_random()) return error_;
  while (error_ == CUDA_SUCCESS && random_.below(2) == 0) {
    std::vector<CUstream> ready;
    if (is_ready(*legacy_)) ready.push_back(legacy_.get());
    for (const auto& stream : streams_) {
      if (is_ready(*stream)) ready.push_back(stream.get());
    }
    if (ready.empty()) break;
    const auto chosen = ready[random_.below(static_cast<uint32_t>(ready.size()))];
    run(std::shared_ptr<Operation>(chosen->queue.front()));
  }
  return error_;
}

// Goes back along what it waits for until there is something that can run.
CUresult Streams::run_step(const std::shared_ptr<Operation>& operation) {
  std::shared_ptr<Operation> needed = operation;
  while (true) {
    needed = needed->stream->queue.front();
    const auto waits_for =
        std::find_if(needed->waits_for.begin(), needed->waits_for.end(),
                     [](const auto& other) { return !other->done; });
    if (waits_for == needed->waits_for.end()) break;
    needed = *waits_for;
  }
  return run(needed);
}

CUresult Streams::finish() {
  device_memory().close();
  sweep();
  return error_;
}

CUresult Streams::run_until(const std::shared_ptr<Operation>& operation) {
  while (!operation->done && run_others() == CUDA_SUCCESS && !operation->done) {
    run_step(operation);
  }
  return finish();
}

CUresult Streams::run_until_done(CUstream stream) {
  if (const auto last = last_of(stream)) return run_until(last);
  return error_;
}

CUresult Streams::run_all() {
  std::vector<std::shared_ptr<Operation>> last;
  if (const auto operation = last_of(legacy_.get())) last.push_back(operation);
  for (const auto& stream : streams_) {
    if (const auto operation = last_of(stream.get())) last.push_back(operation);
  }
  for (const auto& operation : last) run_until(operation);
  return error_;
}

void Streams::set_error(CUresult error) {
  if (error_ == CUDA_SUCCESS) error_ = error;
  // Nothing runs after a fault, and nothing may wait for it.
  const auto abandon = [](CUstream_st& stream) {
    for (const auto& operation : stream.queue) {
      operation->done = true;
      operation->waits_for.clear();
    }
    stream.queue.clear();
  };
  abandon(*legacy_);
  for (const auto& stream : streams_) abandon(*stream);
}

void Streams::reset() {
  set_error(CUDA_SUCCESS);
  error_ = CUDA_SUCCESS;
  seed(settings().seed);
  for (const auto& stream : streams_) {
    stream->capture = nullptr;
    stream->tail.clear();
  }
  sweep();
}

// ---- Capture

CUresult Streams::begin_capture(CUstream stream, CUstreamCaptureMode mode) {
  if (stream == legacy_.get()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (stream->capture != nullptr) return CUDA_ERROR_INVALID_VALUE;
  stream->capture = std::make_shared<Capture>();
  stream->capture->origin = stream;
  stream->capture->mode = mode;
  stream->tail.clear();
  return CUDA_SUCCESS;
}

CUresult Streams::end_capture(CUstream stream, CUgraph* graph) {
  *graph = nullptr;
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (capture->origin != stream) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  // What comes before the origin's last node, or is it.
  std::set<CUgraphNode> joined(stream->tail.begin(), stream->tail.end());
  for (auto node = capture->graph->nodes.rbegin(); node != capture->graph->nodes.rend(); ++node) {
    if (joined.contains(node->get())) {
      joined.insert((*node)->waits_for.begin(), (*node)->waits_for.end());
    }
  }
  CUresult result = CUDA_SUCCESS;
  for (const auto& other : streams_) {
    if (other->capture != capture) continue;
    for (CUgraphNode node : other->tail) {
      if (!joined.contains(node)) result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    }
    other->capture = nullptr;
    other->tail.clear();
  }
  const std::unique_ptr<CUgraph_st> captured = std::move(capture->graph);
  if (!capture->valid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (result != CUDA_SUCCESS) return result;
  *graph = new CUgraph_st(*captured);
  return CUDA_SUCCESS;
}

bool Streams::forbid_when_capturing() {
  bool forbidden = false;
  for (const auto& stream : streams_) {
    if (stream->capture == nullptr || stream->capture->mode == CU_STREAM_CAPTURE_MODE_RELAXED) {
      continue;
    }
    stream->capture->valid = false;
    forbidden = true;
  }
  return forbidden;
}

Action run_graph(std::shared_ptr<const CUgraph_st> graph) {
  return [graph = std::move(graph)](uint64_t seed) {
    Random random(seed);
    std::unordered_map<CUgraphNode, size_t> missing;
    std::unordered_map<CUgraphNode, std::vector<CUgraphNode>> followers;
    std::vector<CUgraphNode> ready;
    for (const auto& node : graph->nodes) {
      missing[node.get()] = node->waits_for.size();
      for (CUgraphNode before : node->waits_for) followers[before].push_back(node.get());
      if (node->waits_for.empty()) ready.push_back(node.get());
    }
    while (!ready.empty()) {
      if (is_random()) {
        std::swap(ready.back(), ready[random.below(static_cast<uint32_t>(ready.size()))]);
      }
      const CUgraphNode node = ready.back();
      ready.pop_back();
      const CUresult result = node->action(random.next());
      if (result != CUDA_SUCCESS) return result;
      for (CUgraphNode follower : followers[node]) {
        if (--missing[follower] == 0) ready.push_back(follower);
      }
    }
    return CUDA_SUCCESS;
  };
}

}  // namespace clessidra::emulator

// The driver API: streams, events, graphs.
#include <algorithm>

#include "api.h"

using namespace clessidra::emulator;

#pragma GCC visibility push(default)
extern "C" {

// ---- Streams

CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority) {
  return call(Needs::kContext, [&](Driver& state) {
    if (stream == nullptr || flags > CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    *stream = state.streams.create(flags != CU_STREAM_NON_BLOCKING, std::clamp(priority, -5, 0));
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  return cuStreamCreateWithPriority(stream, flags, 0);
}

CUresult cuStreamDestroy_v2(CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (stream != handle) return CUDA_ERROR_INVALID_HANDLE;
    state.streams.destroy(stream);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamSynchronize(CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a capturing stream was waited for");
    }
    return state.streams.run_until_done(stream);
  });
}

CUresult cuStreamQuery(CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream->queue.empty()) return CUDA_SUCCESS;
    // Whoever asks again and again gets there.
    const CUresult result = state.streams.run_step(stream->queue.back());
    return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_READY : result;
  });
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent event, unsigned) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return event == nullptr ? CUDA_ERROR_INVALID_HANDLE : state.streams.wait(stream, event);
  });
}

CUresult cuStreamGetPriority(CUstream handle, int* priority) {
  return call_with_stream(handle, [&](Driver&, CUstream stream) {
    return give(priority, stream->priority);
  });
}

CUresult cuStreamGetFlags(CUstream handle, unsigned* flags) {
  return call_with_stream(handle, [&](Driver&, CUstream stream) {
    return give(flags, stream->blocking ? 0u : CU_STREAM_NON_BLOCKING);
  });
}

CUresult cuStreamGetCtx(CUstream handle, CUcontext* context) {
  return call_with_stream(handle,
                          [&](Driver&, CUstream) { return give(context, contexts.back()); });
}

CUresult cuStreamGetId(CUstream handle, unsigned long long* id) {
  return call_with_stream(handle,
                          [&](Driver&, CUstream stream) { return give(id, stream->id); });
}

// ---- Events

CUresult cuEventCreate(CUevent* event, unsigned flags) {
  return call(Needs::kContext, [&](Driver&) {
    const bool timing = (flags & CU_EVENT_DISABLE_TIMING) == 0;
    return give(event, new CUevent_st{timing, nullptr, nullptr, {}});
  });
}

CUresult cuEventDestroy_v2(CUevent event) {
  return call(Needs::kInitialization, [&](Driver&) {
    delete event;
    return CUDA_SUCCESS;
  });
}

CUresult cuEventRecord(CUevent event, CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return event == nullptr ? CUDA_ERROR_INVALID_HANDLE : state.streams.record(stream, event);
  });
}

CUresult cuEventSynchronize(CUevent event) {
  return call(Needs::kContext, [&](Driver& state) {
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
    return event->operation == nullptr ? CUDA_SUCCESS : state.streams.run_until(event->operation);
  });
}

CUresult cuEventQuery(CUevent event) {
  return call(Needs::kContext, [&](Driver& state) {
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
    if (event->operation == nullptr || event->operation->done) return CUDA_SUCCESS;
    const CUresult result = state.streams.run_step(event->operation);
    return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_READY : result;
  });
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  return call(Needs::kContext, [&](Driver&) {
    if (start == nullptr || end == nullptr || !start->timing || !end->timing ||
        start->operation == nullptr || end->operation == nullptr) {
      return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!start->operation->done || !end->operation->done) return CUDA_ERROR_NOT_READY;
    return give(milliseconds, static_cast<float>(1e3 * (end->operation->finished_at -
                                                        start->operation->finished_at)));
  });
}

// ---- Capture and graphs

CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return state.streams.begin_capture(stream, mode);
  });
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    return graph == nullptr ? CUDA_ERROR_INVALID_VALUE : state.streams.end_capture(stream, graph);
  });
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus* status) {
  return call_with_stream(handle, [&](Driver&, CUstream stream) {
    return give(status, stream->capture == nullptr ? CU_STREAM_CAPTURE_STATUS_NONE
                        : stream->capture->valid   ? CU_STREAM_CAPTURE_STATUS_ACTIVE
                                                   : CU_STREAM_CAPTURE_STATUS_INVALIDATED);
  });
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  return call(Needs::kContext, [&](Driver&) {
    if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
    return give(executable, new CUgraphExec_st{std::make_shared<const CUgraph_st>(*graph)});
  });
}

CUresult cuGraphUpload(CUgraphExec executable, CUstream handle) {
  return call_with_stream(handle, [&](Driver&, CUstream) {
    return executable == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
  });
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream handle) {
  return call_with_stream(handle, [&](Driver& state, CUstream stream) {
    if (executable == nullptr) return CUDA_ERROR_INVALID_VALUE;
    return state.streams.submit(stream, CU_GRAPH_NODE_TYPE_GRAPH, run_graph(executable->graph));
  });
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* count) {
  return call(Needs::kContext, [&](Driver&) {
    if (graph == nullptr || count == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (nodes != nullptr) {
      for (size_t i = 0; i < *count; ++i) {
        nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
      }
      *count = std::min(*count, graph->nodes.size());
    } else {
      *count = graph->nodes.size();
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType* type) {
  return call(Needs::kContext, [&](Driver&) {
    return node == nullptr ? CUDA_ERROR_INVALID_VALUE : give(type, node->type);
  });
}

CUresult cuGraphDestroy(CUgraph graph) {
  return call(Needs::kInitialization, [&](Driver&) {
    delete graph;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
  return call(Needs::kInitialization, [&](Driver&) {
    delete executable;
    return CUDA_SUCCESS;
  });
}

}  // extern "C"
#pragma GCC visibility pop

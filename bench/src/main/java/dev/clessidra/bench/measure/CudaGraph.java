package dev.clessidra.bench.measure;

import dev.clessidra.kernels.CudaHandles;
import dev.clessidra.kernels.Device;
import dev.clessidra.kernels.DeviceException;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/**
 * Launches that are handed to the driver once, as a graph, and repeated by it: so that the device
 * is timed, and not how fast a host launches. Those of other libraries are captured too, as long as
 * they go to the device's stream.
 */
final class CudaGraph implements AutoCloseable {
  private final CUgraphExec graph;
  private final CUstream stream;
  private final int runs;

  private CudaGraph(CUgraphExec graph, CUstream stream, int runs) {
    this.graph = graph;
    this.stream = stream;
    this.runs = runs;
  }

  /**
   * Captures launches, without making them. Each kernel has to have been launched before, since
   * libraries load and allocate at the first launch, which a capture forbids.
   *
   * @param device behind a CUDA driver
   * @param run launches a work once
   * @param runs how many are captured
   */
  static CudaGraph of(Device device, Runnable run, int runs) {
    CUstream stream = CudaHandles.stream(device);
    CUgraph graph = new CUgraph();
    CUgraphExec executable = new CUgraphExec();
    check(
        "starting a capture",
        JCudaDriver.cuStreamBeginCapture(
            stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    try {
      for (int i = 0; i < runs; i++) {
        run.run();
      }
    } catch (RuntimeException e) {
      // What went wrong before counts, not what comes of it.
      JCudaDriver.cuStreamEndCapture(stream, graph);
      throw e;
    }
    check("ending a capture", JCudaDriver.cuStreamEndCapture(stream, graph));
    try {
      check("instantiating a graph", JCudaDriver.cuGraphInstantiate(executable, graph, 0));
    } finally {
      JCudaDriver.cuGraphDestroy(graph);
    }
    return new CudaGraph(executable, stream, runs);
  }

  private static void check(String what, int result) {
    if (result != 0) {
      String[] name = new String[1];
      JCudaDriver.cuGetErrorName(result, name);
      throw new DeviceException("CUDA: %s failed: %s (%d).".formatted(what, name[0], result));
    }
  }

  /** How often the work is done by {@link #run}. */
  int runs() {
    return runs;
  }

  void run() {
    check("the launch of a graph", JCudaDriver.cuGraphLaunch(graph, stream));
  }

  @Override
  public void close() {
    JCudaDriver.cuStreamSynchronize(stream);
    JCudaDriver.cuGraphExecDestroy(graph);
  }
}

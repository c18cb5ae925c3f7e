package dev.clessidra.bench.report;

import dev.clessidra.bench.measure.Result;
import dev.clessidra.bench.measure.Spread;
import dev.clessidra.bench.measure.Timing;
import java.util.List;
import java.util.Map;

/**
 * All that one run of the benchmarks found out; what its JSON file and the history hold.
 *
 * @param commit of the source, with {@code -dirty} after it if that was changed
 * @param date in UTC, ISO 8601
 * @param device its description and the processor's name
 * @param versions of Java and of the libraries, by name
 * @param absent baselines that were asked for, by name, and why they are not there
 * @param rounds of each measurement
 * @param peak floating-point operations a second of fused multiply-adds alone
 * @param bandwidth bytes a second between processor and memory
 * @param roundTrip seconds in which a cache line goes from one thread to another and back; null on
 *     a GPU, where there is one processor, and in runs older than this measurement
 * @param smallestLaunch the time of a launch that writes one number
 */
public record Run(
    String commit,
    String date,
    String device,
    Map<String, String> versions,
    Map<String, String> absent,
    int rounds,
    Spread peak,
    Spread bandwidth,
    Spread roundTrip,
    Timing smallestLaunch,
    List<Result> results) {}

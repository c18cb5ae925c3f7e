/** The command line of the benchmarks. */
package dev.clessidra.bench.cli;

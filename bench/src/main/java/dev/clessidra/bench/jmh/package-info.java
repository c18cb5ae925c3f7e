/** JMH benchmarks of every operation. */
package dev.clessidra.bench.jmh;

/** How works are timed: in turn with other libraries', beside the limits of the machine. */
package dev.clessidra.bench.measure;

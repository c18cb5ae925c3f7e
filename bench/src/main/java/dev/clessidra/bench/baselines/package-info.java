/** Libraries to compare with, found as service providers. */
package dev.clessidra.bench.baselines;

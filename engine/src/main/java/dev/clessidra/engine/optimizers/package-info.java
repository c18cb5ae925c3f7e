/** Optimizers on flat arenas, learning-rate schedules and the averaging of parameters. */
package dev.clessidra.engine.optimizers;

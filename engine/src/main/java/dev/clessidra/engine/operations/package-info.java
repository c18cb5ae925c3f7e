/**
 * The built-in differentiable operations, one file a family; {@link dev.clessidra.engine.Tape} has
 * a method for each.
 */
package dev.clessidra.engine.operations;

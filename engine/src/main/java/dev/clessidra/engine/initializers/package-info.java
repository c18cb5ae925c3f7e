/** How parameters start: the same bits for a seed on any device. */
package dev.clessidra.engine.initializers;

/** Model files in the safetensors format, and checkpoints that resume to the same bits. */
package dev.clessidra.engine.io;

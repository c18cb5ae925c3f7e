/** Training: the data on the device, the captured step, checkpoints and progress. */
package dev.clessidra.models.training;

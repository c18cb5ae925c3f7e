/** The command line: training, evaluating and using the models without writing a program. */
package dev.clessidra.models.cli;

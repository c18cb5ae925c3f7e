/** How measurements are shown, kept and compared. */
package dev.clessidra.bench.report;

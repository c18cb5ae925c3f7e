/**
 * Images to learn from: in memory ({@link dev.clessidra.models.data.ImageData}), read from IDX
 * files and folders of pictures, and the arrays that results are written to.
 *
 * <p>Whatever is wrong with a file is told by a {@link dev.clessidra.models.data.DataException}
 * whose message is one line: the file, what is wrong, what was expected, what to do.
 */
package dev.clessidra.models.data;

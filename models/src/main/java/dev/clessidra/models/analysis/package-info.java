/**
 * What codes are judged by: principal components as the linear rival of an autoencoder, and how
 * sparse a code is.
 */
package dev.clessidra.models.analysis;

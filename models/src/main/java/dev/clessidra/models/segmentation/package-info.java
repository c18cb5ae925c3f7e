/**
 * Segmentation: images with a class for each pixel, from folders or drawn; training, prediction on
 * images of any size, and measures.
 */
package dev.clessidra.models.segmentation;

/**
 * The models: dense autoencoders (plain, sparse, stacked, deep) and the classifier on top of their
 * codes, as users build, train, save and run them.
 */
package dev.clessidra.models;

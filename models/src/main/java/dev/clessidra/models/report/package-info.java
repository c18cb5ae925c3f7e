/**
 * What a run leaves behind for people: metrics as CSV and JSON lines, pictures, and a page of HTML
 * that needs nothing beside itself.
 */
package dev.clessidra.models.report;

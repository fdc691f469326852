package dev.holdfast.cli.manifest;

/**
 * Why a file cannot be read.
 *
 * @param line from 1
 * @param reason what is there, what was expected; one line
 */
public record ParseProblem(int line, String reason) {}

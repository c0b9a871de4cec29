// Package complexity holds the test that each parser works in time proportional to its input. A parser that is quadratic on
// some input is found by repeating short pieces of its alphabet; a fuzzer, whose inputs are short, does not find it.
package complexity

// Package readers gives composed messages to independent readers, which must give back what was put in.
package readers

// Package readers gives composed messages, plain and signed, to independent readers, which must give back what was put
// in, and their signatures to independent verifiers, also after real servers have stored them.
package readers

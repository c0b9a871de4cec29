// Package beside sends to real servers in the ways that programs have, one beside the other, and writes what it measured into the
// table of docs/performance.md:
//
//	go test -count=1 -run TestTable ./beside -rounds 3
package beside

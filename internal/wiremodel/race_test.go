//go:build race

package wiremodel_test

// fewer is one odd answer less, because the race detector makes each dialogue dear.
const fewer = 1

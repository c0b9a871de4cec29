//go:build !race

package wiremodel_test

const fewer = 0

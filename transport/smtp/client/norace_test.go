//go:build !race

package client_test

const gigabyte = 1 << 30

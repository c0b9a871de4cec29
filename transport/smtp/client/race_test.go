//go:build race

package client_test

// gigabyte is smaller under the race detector, which makes every octet dear.
const gigabyte = 1 << 24

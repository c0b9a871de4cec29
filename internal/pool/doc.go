// Package pool shares a limited number of resources, such as connections, among many users. It knows
// nothing of what they are.
//
// Users wait in the order in which they came. While opening fails, one user at a time tries, after a
// growing pause, and those who wait for it share its failure: a server that is down is not stormed.
package pool

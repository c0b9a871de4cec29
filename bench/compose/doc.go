// Package compose compares how libraries compose messages: no server, only octets.
package compose

// Package send runs the command examples/send against a real server.
package send

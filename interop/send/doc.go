// Package send runs the command depeche send against a real server.
package send

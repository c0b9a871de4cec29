//go:build !unix

package sendmail

import "os/exec"

// isolate does nothing where there are no process groups; the command itself is killed.
func isolate(*exec.Cmd) {}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // one that has ended needs no killing
}

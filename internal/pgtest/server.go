//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Server is a server that is reached by a socket in a folder of its own.
type Server struct {
	folder   string
	settings []string // name=value
	cmd      *exec.Cmd
}

// Start makes a server that forgets what it has when the machine stops, unless settings, each name=value, say otherwise. Stop ends it.
func Start(settings ...string) (*Server, error) {
	folder, err := os.MkdirTemp("", "pg") // a socket has a short name
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, settings: settings}
	err = give(folder)
	if err == nil {
		_, err = run("initdb", "-D", s.data(), "-U", "test", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")
	}
	if err == nil {
		err = s.Again()
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// Again starts the server after Halt.
func (s *Server) Again() error {
	args := []string{"-D", s.data(), "-k", s.folder}
	settings := []string{"listen_addresses=", "max_connections=200", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "log_min_messages=fatal"}
	for _, setting := range append(settings, s.settings...) { // the last one counts
		args = append(args, "-c", setting)
	}
	cmd, err := command("postgres", args...)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	s.cmd = cmd
	for end := time.Now().Add(time.Minute); ; {
		_, err := run("pg_isready", "-q", "-h", s.folder, "-U", "test", "-d", "postgres")
		if err == nil || time.Now().After(end) {
			return err
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Halt stops the server at once; its files stay.
func (s *Server) Halt() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(os.Interrupt) // fast shutdown
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Stop stops the server and removes its files.
func (s *Server) Stop() {
	s.Halt()
	_ = os.RemoveAll(s.folder)
}

// DSN is the connection string of a database, of which "postgres" and "template1" are there.
func (s *Server) DSN(database string) string {
	return "host=" + s.folder + " user=test dbname=" + database
}

// URL is the same as a URL.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?user=test&host=" + s.folder
}

// command finds a program of PostgreSQL, which Debian keeps out of the way, and runs it as a user that the server accepts.
func command(name string, args ...string) (*exec.Cmd, error) {
	program, err := exec.LookPath(name)
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		program, err = found[len(found)-1], nil
	}
	if err != nil {
		return nil, errors.Join(err, errors.New("the Debian package postgresql is needed"))
	}
	cmd := exec.CommandContext(context.Background(), program, args...) //nolint:gosec // a program of PostgreSQL; Halt ends the server
	unprivileged(cmd)
	return cmd, nil
}

func run(name string, args ...string) (string, error) {
	cmd, err := command(name, args...)
	if err != nil {
		return "", err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return string(out), err
}

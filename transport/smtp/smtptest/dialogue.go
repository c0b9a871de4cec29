package smtptest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// line is one step of a dialogue.
type line struct {
	number int
	kind   string
	text   string
}

// readDialogue reads the text of [Config.Dialogue]. Blank lines and lines with # are skipped.
func readDialogue(text string) ([]line, error) {
	var list []line
	number := 0
	for row := range strings.Lines(text) {
		number++
		row = strings.TrimRight(row, "\r\n")
		if row == "" || row[0] == '#' {
			continue
		}
		kind, rest, _ := strings.Cut(row, " ")
		l := line{number: number, kind: kind, text: rest}
		switch kind {
		case "C:", "C?", "S:":
		case "S~":
			octets, err := strconv.Unquote(`"` + rest + `"`)
			if err != nil {
				return nil, fmt.Errorf("smtptest: dialogue, line %d: %w", number, err)
			}
			l.text = octets
		case "*":
			if _, ok := stageDirections[rest]; !ok {
				return nil, fmt.Errorf("smtptest: dialogue, line %d: unknown direction %q", number, rest)
			}
		default:
			return nil, fmt.Errorf("smtptest: dialogue, line %d: want C:, C?, S:, S~ or *, got %q", number, row)
		}
		list = append(list, l)
	}
	return list, nil
}

// stageDirections are what a server can do besides talking.
var stageDirections = map[string]func(*session) error{
	"tls":     (*session).handshake,
	"close":   func(s *session) error { return s.hangUp(true) },
	"cut":     func(s *session) error { return s.hangUp(false) },
	"reset":   (*session).reset,
	"silence": func(s *session) error { return errors.Join(s.link.flush(), s.drop()) },
}

// play follows the dialogue. What the client says otherwise is a violation and ends the session.
func (s *session) play(list []line) error {
	for _, l := range list {
		switch l.kind {
		case "S:":
			s.link.out = append(s.link.out, l.text+"\r\n"...)
		case "S~":
			s.link.out = append(s.link.out, l.text...)
		case "*":
			if err := stageDirections[l.text](s); err != nil {
				return err
			}
		default:
			if err := s.expect(l); err != nil {
				return err
			}
		}
	}
	if err := s.link.send(); err != nil {
		return err
	}
	if rest, err := s.link.peek(); err == nil {
		s.violate(DialogueRule, "after the end the client said %.80q", rest)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return errEnd
}

// expect reads a line of the client.
func (s *session) expect(want line) error {
	raw, err := s.link.line(maxLine)
	got, ended := strings.CutSuffix(string(raw), "\r\n")
	if err == nil && ended && (got == want.text || want.kind == "C?" && strings.HasPrefix(got, want.text)) {
		s.command = got
		s.server.record.update(func() { s.info.Commands = append(s.info.Commands, got) })
		return nil
	}
	s.violate(DialogueRule, "line %d: want %s %s, got %.80q, %v", want.number, want.kind, want.text, raw, err)
	return errors.Join(errEnd, err)
}

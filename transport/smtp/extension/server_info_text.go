package extension

import (
	"log/slog"
	"strings"
)

// String returns the server's name and what it offers on one line, such as "mx.example.org: AUTH PLAIN, SIZE 1000".
func (s ServerInfo) String() string {
	list := make([]string, 0, len(s.keywords))
	for _, keyword := range s.Keywords() {
		list = append(list, strings.TrimSpace(string(keyword)+" "+s.Param(keyword)))
	}
	text := strings.Join(list, ", ")
	if text == "" {
		text = "offers nothing"
	}
	if s.name == "" {
		return text
	}
	return s.name + ": " + text
}

// LogValue returns what String returns.
func (s ServerInfo) LogValue() slog.Value { return slog.StringValue(s.String()) }

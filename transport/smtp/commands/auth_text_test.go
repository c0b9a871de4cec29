package commands_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/commands"
)

// TestLoginsDoNotPrint: no verb, log or JSON shows the response of a login, as it is, as octets or in base64.
func TestLoginsDoNotPrint(t *testing.T) {
	password := []byte("hunter2hunter2")
	for _, value := range []any{
		commands.Auth{Mechanism: "PLAIN", Initial: password},
		&commands.Auth{Mechanism: "PLAIN", Initial: password},
		commands.Auth{Mechanism: string(password)},
		commands.AuthResponse{Response: password},
		&commands.AuthResponse{Response: password},
		[]commands.Command{commands.AuthResponse{Response: password}},
	} {
		var printed strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x"} {
			fmt.Fprintf(&printed, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "command", value)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "command", value)
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(text)
		for _, form := range []string{"hunter2", "aHVudGVy", "68756e", "68756E", "68 75 6e", "104 117", "0x68"} {
			if strings.Contains(printed.String(), form) {
				t.Errorf("%T shows %q:\n%s", value, form, printed.String())
			}
		}
	}
}

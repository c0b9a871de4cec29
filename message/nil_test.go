package message_test

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/message"
)

// TestNilContent: a part whose content is nil is a fault of Build that says so, and no panic.
func TestNilContent(t *testing.T) {
	for want, part := range map[string]message.Part{
		`"a.txt": there is no content: the fs.FS is nil`:     message.File(nil, "b/a.txt"),
		`"a.txt": there is no content: the function is nil`:  message.FileFunc("a.txt", nil),
		`"a.txt": there is no content: the io.Reader is nil`: message.FileReader("a.txt", nil, 10),
		`there is no content: the message is nil`:            message.AttachedMessage(nil),
		`Attach: a path is needed`:                           message.Path(""),
	} {
		if _, err := good().Text("x").Attach(part).Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if _, err := part.Entity(); err == nil {
			t.Error("Entity: no error")
		}
		if _, err := part.Preencoded(); err == nil {
			t.Error("Preencoded: no error")
		}
	}
}

// TestNilMessage: each method of a nil Message returns zero values, and an error where there is one.
func TestNilMessage(t *testing.T) {
	errorType := reflect.TypeFor[error]()
	value := reflect.ValueOf((*message.Message)(nil))
	for i := range value.NumMethod() {
		name, method := value.Type().Method(i).Name, value.Method(i)
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v != nil {
					t.Errorf("panic: %v", v)
				}
			}()
			var in []reflect.Value
			for of := range method.Type().Ins() {
				arg := reflect.Zero(of)
				if of == reflect.TypeFor[io.Writer]() {
					arg = reflect.ValueOf(io.Discard)
				}
				in = append(in, arg)
			}
			for _, out := range method.Call(in) {
				switch {
				case out.Type() == errorType:
					if out.IsNil() {
						t.Error("no error")
					}
				case !out.IsZero() && name != "String":
					t.Errorf("returned %v", out)
				}
			}
		})
	}
	var none *message.Message
	if text := none.String(); text != "<nil>" {
		t.Errorf("its text is %q", text)
	}
}

package message_test

import (
	"io"
	"reflect"
	"testing"

	"github.com/depeche-mail/depeche/message"
)

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

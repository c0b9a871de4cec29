package envelope_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

func ExampleAddress() {
	address, err := envelope.ParseAddress("Jörg@BÜCHER.example")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(address, address.LocalPart(), address.Domain(), address.NeedsSMTPUTF8())
	fmt.Println(address.Unicode())
	// Output:
	// Jörg@xn--bcher-kva.example Jörg xn--bcher-kva.example true
	// Jörg@bücher.example
}

// A faulty address is an error that shows where it stops being one.
func ExampleParseError() {
	_, err := envelope.ParseAddress("hei @example.com")
	var fault *envelope.ParseError
	if errors.As(err, &fault) {
		fmt.Println(fault.Offset, fault.Input[:fault.Offset])
	}
	// Output: 3 hei
}

// Each recipient may ask for reports of its own.
func ExampleRecipient() {
	hei, err := envelope.ParseAddress("hei@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	recipient := envelope.Recipient{Address: hei, Notify: envelope.NotifyFailure | envelope.NotifyDelay}
	env, err := envelope.NewWithOptions(envelope.Address{}, []envelope.Recipient{recipient}, envelope.Options{
		DSNReturn: envelope.ReturnHeaders, EnvelopeID: "order-4711", DeliverBy: envelope.DeliverBy{Within: time.Hour},
	})
	fmt.Println(env, env.At(0).Notify, env.Options().EnvelopeID, err)
	// Output: <> > hei@example.com FAILURE,DELAY order-4711 <nil>
}

// What no server may be asked for is an error before anything is sent.
func ExampleFieldError() {
	hei, _ := envelope.ParseAddress("hei@example.com")
	_, err := envelope.NewWithOptions(hei, []envelope.Recipient{{Address: hei}}, envelope.Options{Priority: 12})
	var fault *envelope.FieldError
	if errors.As(err, &fault) {
		fmt.Println(fault.Field, fault.Value)
	}
	fmt.Println(err)
	// Output:
	// Priority 12
	// Priority "12": want -9 to 9
}

// An envelope is stored as JSON, with the same checks when it is read.
func ExampleEnvelope() {
	env, err := envelope.Parse("app@example.org", "hei@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, err := json.Marshal(env)
	fmt.Println(string(stored), err)
	var back envelope.Envelope
	fmt.Println(json.Unmarshal(stored, &back), back)
	// Output:
	// {"from":"app@example.org","to":[{"address":"hei@example.com"}]} <nil>
	// <nil> app@example.org > hei@example.com
}

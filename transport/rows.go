package transport

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/depeche-mail/depeche/envelope"
)

// SendRows is [SendAll] for mails that are made of rows, such as those of a table, where some rows cannot become a mail:
// the sequence yields the mail or why there is none. A row with an error is yielded with its place, as a mail that was not
// sent, and its error wraps the row's; the others are sent. Nothing stops the rows but ctx and the caller's loop.
//
// A row that cannot become a mail keeps its key: yield WithKey(mail, key) beside the error, also when the mail is nil, as
// the Message is that message.Builder.Build returns with an error.
func SendRows(ctx context.Context, t Transport, rows iter.Seq2[Mail, error]) iter.Seq2[BulkResult, error] {
	return SendAll(ctx, t, func(yield func(Mail) bool) {
		for mail, err := range rows {
			switch {
			case err != nil && mail != nil:
				mail = WithKey(Unsendable(err), KeyOf(mail))
			case err != nil:
				mail = Unsendable(err)
			}
			if !yield(mail) {
				return
			}
		}
	})
}

// Unsendable returns a mail that no transport sends, and why: Send fails with an error that wraps reason. It stands for
// a mail that could not be made, where a sequence or a function has to return one.
func Unsendable(reason error) Mail { return unsendable{reason} }

// errNoMail is the reason of a mail that is nil and was given a key, an envelope or the like.
var errNoMail = errors.New("the mail is nil")

type unsendable struct{ reason error }

func (u unsendable) Envelope() envelope.Envelope        { return envelope.Envelope{} }
func (u unsendable) EnvelopeError() error               { return u.reason }
func (u unsendable) WriteTo(w io.Writer) (int64, error) { return 0, u.reason }

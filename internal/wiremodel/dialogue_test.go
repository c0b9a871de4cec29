package wiremodel_test

import (
	"context"
	"fmt"
	"time"

	"github.com/depeche-mail/depeche/internal/wiremodel"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// dialogue is one run of a form against an oracle.
type dialogue struct {
	form    form
	state   state
	wrap    *wrapper // nil for the bare relay
	oracle  *wiremodel.Oracle
	second  *wiremodel.Oracle // the relay that a wrapper has besides
	results map[string]*transport.Result
	errs    map[string]error
	took    map[string]time.Duration
	gaveUp  bool // the context of the caller ended
}

// wrapper makes a transport of two relays.
type wrapper struct {
	name  string
	build func(first, second transport.Transport) (transport.Transport, error)
	again bool // it may send to a recipient again whose fate is unknown
}

// play runs the dialogue to its end.
func (d *dialogue) play(choices *wiremodel.Choices) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.results, d.errs, d.took = map[string]*transport.Result{}, map[string]error{}, map[string]time.Duration{}
	whole := func(data string) string { return wholes[data] }
	d.oracle = &wiremodel.Oracle{
		Offer: d.form.offer, LMTP: d.form.lmtp, Skip: d.state.skip, Before: d.state.before, Choices: choices, Whole: whole,
		Every: d.form.mails > 1 || d.wrap != nil, Cancel: func() { d.gaveUp = true; cancel() },
	}
	d.second = &wiremodel.Oracle{Offer: d.form.offer, LMTP: d.form.lmtp, Whole: whole}
	switch {
	case d.form.begin:
		d.begin(ctx)
	case d.form.mails > 1 && !d.form.sequence:
		d.window(ctx)
	default:
		d.single(ctx)
	}
	d.oracle.Wait()
	d.second.Wait()
}

// relay builds the transport to an oracle.
func (d *dialogue) relay(o *wiremodel.Oracle) *smtp.Transport {
	b := smtp.DangerousPlaintext("relay.example.org")
	if d.form.lmtp {
		b = smtp.LMTP("relay.example.org")
	}
	b = b.Dialer(o.Dial).Pool(smtp.Pool{MaxOpen: 1})
	if d.form.step != nil {
		b = d.form.step(b)
	}
	t, err := b.Build()
	if err != nil {
		panic(err)
	}
	return t
}

func (d *dialogue) sender() transport.Transport {
	first := d.relay(d.oracle)
	if d.wrap == nil {
		return first
	}
	t, err := d.wrap.build(first, d.relay(d.second))
	if err != nil {
		panic(err)
	}
	return t
}

func (d *dialogue) single(ctx context.Context) {
	sender := d.sender()
	defer func() { _ = transport.Close(sender) }() // never fails
	for i := range d.state.skip {
		tag := fmt.Sprint("p", i+1)
		_, _ = sender.Send(context.Background(), mails[tag+"1"]) // how it ends is part of the state
	}
	time.Sleep(d.state.pause)
	send := sender.Send
	if d.form.last {
		send = sender.(*smtp.Transport).SendLast
	}
	for i := range d.form.mails {
		begin := time.Now()
		result, err := send(ctx, d.form.mail(i))
		d.end(fmt.Sprint("t", i+1), result, err, begin)
	}
}

func (d *dialogue) end(tag string, result *transport.Result, err error, begin time.Time) {
	if d.results[tag] != nil {
		panic("mail " + tag + " ended twice")
	}
	d.results[tag], d.errs[tag], d.took[tag] = result, err, time.Since(begin)
}

// window sends two mails, which open the window, and then those of the model.
func (d *dialogue) window(ctx context.Context) {
	sender := d.sender()
	defer func() { _ = transport.Close(sender) }() // never fails
	opened := make(chan struct{})
	left := d.state.skip
	begin := time.Now()
	for sent, err := range transport.SendAll(ctx, sender, func(yield func(transport.Mail) bool) {
		for i := range d.state.skip {
			if !yield(mails[fmt.Sprintf("p%d1", i+1)]) {
				return
			}
		}
		if d.state.skip > 0 {
			<-opened
		}
		time.Sleep(d.state.pause)
		for i := range d.form.mails {
			if !yield(d.form.mail(i)) {
				return
			}
		}
	}) {
		if sent.Index >= d.state.skip {
			d.end(fmt.Sprint("t", sent.Index-d.state.skip+1), sent.Result, err, begin)
			continue
		}
		if left--; left == 0 {
			begin = time.Now().Add(d.state.pause)
			close(opened)
		}
	}
}

// begin writes the mail by hand.
func (d *dialogue) begin(ctx context.Context) {
	near, err := d.oracle.Dial(ctx, "", "")
	if err != nil {
		panic(err)
	}
	config := d.form.config
	config.TLS = client.TLSNone
	conn, err := client.New(context.Background(), near, config)
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }() // never fails
	for i := range d.state.skip {
		tag := fmt.Sprint("p", i+1)
		byHand(context.Background(), conn, tag, form{rcpts: 1})
	}
	time.Sleep(d.state.pause)
	start := time.Now()
	result, err := byHand(ctx, conn, "t1", d.form)
	d.end("t1", result, err, start)
}

// byHand sends a mail by Conn.Begin, in two pieces.
func byHand(ctx context.Context, conn *client.Conn, tag string, f form) (*transport.Result, error) {
	text, rcpts := content(tag), f.rcpts
	tx, err := conn.Begin(ctx, envelopeOf(tag, rcpts), client.ContentInfo{Size: int64(len(text))})
	if err == nil {
		if _, err := tx.Write([]byte(text[:20])); err == nil {
			_, _ = tx.Write([]byte(f.rest(text))) // Close tells
		}
		f.finish(tx)
	}
	receipt := tx.Result()
	result := transport.NewResult(envelopeOf(tag, rcpts), transport.NotSent, transport.Reply{})
	for i, v := range receipt.Recipients {
		r := &result.Recipients[i]
		r.Reply.Code = int(v.Response.Code)
		r.Outcome = v.Outcome
	}
	return result, receipt.Err
}

// rest is what follows the first 20 octets of a content that is written by hand.
func (f form) rest(text string) string {
	switch f.fault {
	case "":
		return text[20:]
	case "long":
		return text[20:] + "more\r\n"
	}
	return "\r\n"
}

// finish ends a mail that is written by hand. The receipt tells how.
func (f form) finish(tx *client.Transaction) {
	if f.fault == "fails" {
		tx.Abort()
		return
	}
	_ = tx.Close()
}

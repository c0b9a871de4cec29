package policy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport"
)

// Log returns an observer that writes one record for each mail, and one for each decision, for [Observe].
//
// The record of a mail has its Message-ID, key, queue id and relay, how many recipients have which outcome, who
// is meant by a refusal, the phase and the codes of a failure, and the milliseconds of each phase. It has no
// address, unless WithAddresses is called, and no subject, unless WithSubject is: texts of servers and errors
// have "(address)" instead. An accepted mail is Info, one that may be delivered or that was refused for good is
// Error, others are Warn. Decisions are Info, those about connections and tokens that went well Debug.
func Log(logger *slog.Logger) LogObserver { return LogObserver{logger: logger} }

// LogObserver is what [Log] returns. Its methods return changed copies. It is safe for concurrent use.
type LogObserver struct {
	logger             *slog.Logger
	addresses, subject bool
}

// WithAddresses puts the sender, the recipients and the texts of servers, which often name them, into records.
func (l LogObserver) WithAddresses() LogObserver {
	l.addresses = true
	return l
}

// WithSubject puts the subject into records. For that the header section of each mail is written once more.
func (l LogObserver) WithSubject() LogObserver {
	l.subject = true
	return l
}

// Begin implements [transport.Observer].
func (l LogObserver) Begin(ctx context.Context, mail transport.Mail) func(*transport.Result, error) {
	begin := time.Now()
	return func(result *transport.Result, err error) {
		var failed *transport.SendError
		errors.As(err, &failed)
		level, text := verdict(result, failed)
		if !l.logger.Enabled(ctx, level) {
			return
		}
		l.logger.LogAttrs(ctx, level, text, l.record(mail, result, failed, time.Since(begin))...)
	}
}

// Decide implements [transport.Observer].
func (l LogObserver) Decide(ctx context.Context, d transport.Decision) {
	level := slog.LevelInfo
	switch d.Kind {
	case transport.DecisionConnect, transport.DecisionDisconnect, transport.DecisionToken:
		level = slog.LevelDebug
	case transport.DecisionConnectFail, transport.DecisionTokenFail, transport.DecisionGiveUp:
		level = slog.LevelWarn
	}
	if l.logger.Enabled(ctx, level) {
		l.logger.LogAttrs(ctx, level, "mail decision", d.Attrs()...)
	}
}

// verdict is the level and the text of a record.
func verdict(result *transport.Result, failed *transport.SendError) (slog.Level, string) {
	accepted := result.Count(transport.Accepted)
	switch {
	case accepted == len(result.Recipients) && accepted > 0:
		return slog.LevelInfo, "mail accepted"
	case result.Count(transport.Unknown) > 0:
		return slog.LevelError, "mail may be delivered"
	case accepted > 0:
		return slog.LevelWarn, "mail accepted in part"
	case failed != nil && failed.Temporary():
		return slog.LevelWarn, "mail not accepted for now"
	}
	return slog.LevelError, "mail not accepted"
}

// record returns the fields of a mail.
func (l LogObserver) record(mail transport.Mail, result *transport.Result, failed *transport.SendError, took time.Duration) []slog.Attr {
	list := make([]slog.Attr, 0, 16)
	text := func(name, value string) {
		if value != "" {
			list = append(list, slog.String(name, value))
		}
	}
	text("message_id", result.MessageID)
	text("key", l.clean(result.Key, mail))
	text("queue_id", result.QueueID)
	text("relay", result.Relay)
	list = append(list, slog.Int("recipients", len(result.Recipients)))
	for _, o := range []transport.Outcome{transport.Accepted, transport.Rejected, transport.Deferred, transport.NotSent, transport.Unknown} {
		if n := result.Count(o); n > 0 {
			list = append(list, slog.Int(strings.ReplaceAll(o.String(), " ", "_"), n))
		}
	}
	if failed != nil {
		if fault := failed.Fault(); fault != transport.FaultUnknown {
			text("fault", fault.String())
		}
		text("phase", string(failed.Phase))
		if failed.Reply.Code != 0 {
			list = append(list, slog.Int("code", failed.Reply.Code))
		}
		text("enhanced", failed.Reply.Enhanced)
		text("error", l.clean(failed.Error(), mail))
	}
	if l.addresses {
		text("from", mail.Envelope().From().String())
		list = append(list, slog.Any("to", fates(result)))
	}
	if l.subject {
		text("subject", subjectOf(mail))
	}
	return append(list, milliseconds(result.Timing, took))
}

// fates returns each recipient with what became of it.
func fates(result *transport.Result) []string {
	list := make([]string, len(result.Recipients))
	for i := range result.Recipients {
		list[i] = result.Recipients[i].Address.String() + " " + result.Recipients[i].Outcome.String()
	}
	return list
}

// clean takes the addresses out of a text, unless they are asked for.
func (l LogObserver) clean(text string, mail transport.Mail) string {
	if l.addresses {
		return text
	}
	env := mail.Envelope()
	for i := range env.Len() {
		text = strings.ReplaceAll(text, env.At(i).Address.String(), "(address)")
	}
	if from := env.From(); !from.IsNull() {
		text = strings.ReplaceAll(text, from.String(), "(address)")
	}
	return transport.HideAddresses(text)
}

// milliseconds are the phases of a mail, those that did not happen left out.
func milliseconds(t transport.Timing, took time.Duration) slog.Attr {
	var list []slog.Attr
	for _, phase := range []struct {
		name string
		d    time.Duration
	}{
		{"wait", t.Wait},
		{"connect", t.Connect},
		{"envelope", t.Envelope},
		{"body", t.Body},
		{"final", t.Final},
		{"total", took},
	} {
		if phase.d > 0 {
			list = append(list, slog.Float64(phase.name, float64(phase.d.Microseconds())/1000))
		}
	}
	return slog.Attr{Key: "ms", Value: slog.GroupValue(list...)}
}

// subjectOf reads the Subject of a mail, decoded.
func subjectOf(mail transport.Mail) string {
	var h headerReader
	_, _ = mail.WriteTo(&h) // it ends by errEnough
	var dec mime.WordDecoder
	subject := h.field("subject")
	if text, err := dec.DecodeHeader(subject); err == nil {
		return text
	}
	return subject
}

var errEnough = errors.New("the header section has ended")

// headerReader keeps the header section of what is written to it, and at most 64 KiB of it.
type headerReader struct{ text []byte }

func (h *headerReader) Write(p []byte) (int, error) {
	const limit = 64 << 10
	h.text = append(h.text, p[:min(len(p), limit)]...)
	if len(h.text) >= limit || strings.Contains(string(h.text), "\r\n\r\n") {
		return 0, errEnough
	}
	return len(p), nil
}

var _ io.Writer = (*headerReader)(nil)

// field returns the value of the first field of a name in lower case, unfolded.
func (h *headerReader) field(name string) string {
	head, _, _ := strings.Cut(string(h.text), "\r\n\r\n")
	value, found := "", false
	for line := range strings.SplitSeq(head, "\r\n") {
		folded := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		if found && folded {
			value += line
			continue
		}
		if found {
			break
		}
		key, rest, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			value, found = rest, true
		}
	}
	return strings.TrimSpace(value)
}

package catch

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// FaultHelp says how a fault is written.
const FaultHelp = `A fault is an action, then where and for whom:
  550 for b@*                 a reply to RCPT for these recipients
  "450 4.2.1 mailbox busy" for *@slow.test
  451 at data                 a reply at a stage
  552 at end for big@*        to the content of a mail with such a recipient
  421 at mail from news@*     for these senders
  lose at end                 take the mail, and lose the reply
  close at greeting           hang up; reset and silence work too
  delay 2s at end             answer late
Stages: greeting, ehlo, auth, mail, rcpt, data, end. In a pattern * is any text.
A client that sends content in chunks (BDAT) has no DATA to answer: "at data" is the answer to a chunk then. LMTP
has an answer at end for each recipient, and "for" means those alone.`

// stages are the points at which a fault can be, by the word for them.
var stages = map[string]string{
	"greeting": smtptest.Greeting, "ehlo": smtptest.Ehlo, "auth": smtptest.Auth, "mail": smtptest.Mail,
	"rcpt": smtptest.Rcpt, "data": smtptest.Data, "end": smtptest.End,
}

var replyCode = regexp.MustCompile(`^[45][0-9]{2}$`)

// fault is what goes wrong, where, and for whom.
type fault struct {
	action       smtptest.Action
	isReply      bool // and so comes after what it answers
	at, to, from string
}

// parseFault reads a fault as [FaultHelp] describes it. refused is told of recipients that it refuses.
func parseFault(text string, refused func(session int, text string)) (smtptest.Hook, error) {
	words, err := splitFault(text)
	if err != nil {
		return nil, err
	}
	var f fault
	var stage string
	for len(words) > 1 {
		place := &f.to
		switch words[len(words)-2] {
		case "at":
			place = &stage
		case "from":
			place = &f.from
		case "for":
		default:
			place = nil
		}
		if place == nil {
			break
		}
		if *place != "" {
			return nil, fmt.Errorf("fault %q: %s is there twice", text, words[len(words)-2])
		}
		*place = words[len(words)-1]
		words = words[:len(words)-2]
	}
	if err := f.place(stage); err != nil {
		return nil, fmt.Errorf("fault %q: %w", text, err)
	}
	if f.action, err = faultAction(words); err != nil {
		return nil, fmt.Errorf("fault %q: %w", text, err)
	}
	f.isReply = replyCode.MatchString(words[0])
	reply := strings.Join(words, " ")
	return func(e smtptest.Event) smtptest.Action {
		if !f.fits(e) {
			return smtptest.Action{}
		}
		if e.At == smtptest.Rcpt {
			refused(e.Session, e.Recipient+": "+reply)
		}
		return f.action
	}, nil
}

// splitFault returns the words of a fault; those in quotation marks are reply texts and are taken as words, too.
func splitFault(text string) ([]string, error) {
	words := strings.Fields(strings.ReplaceAll(text, `"`, " "))
	if len(words) == 0 {
		return nil, errors.New(`a fault that says nothing; write one such as "550 for b@*"`)
	}
	return words, nil
}

// place sets where the fault is: at RCPT when recipients are named or nothing is said.
func (f *fault) place(stage string) error {
	if stage == "" {
		stage = "rcpt"
		if f.from != "" {
			stage = "mail"
		}
	}
	at, ok := stages[strings.ToLower(stage)]
	if !ok {
		return fmt.Errorf("there is no stage %q; there are greeting, ehlo, auth, mail, rcpt, data and end", stage)
	}
	f.at = at
	for _, pattern := range []string{f.to, f.from} {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", pattern, err)
		}
	}
	if f.to != "" && !slices.Contains([]string{smtptest.Rcpt, smtptest.Data, smtptest.End}, f.at) {
		return errors.New(`"for" names recipients, who are known at rcpt, data and end`)
	}
	return nil
}

// faultAction reads what goes wrong.
func faultAction(words []string) (smtptest.Action, error) {
	if len(words) == 0 {
		return smtptest.Action{}, errors.New("it does not say what goes wrong")
	}
	rest := words[1:]
	if replyCode.MatchString(words[0]) {
		if len(rest) == 0 {
			rest = []string{"as you wished"}
		}
		return smtptest.Reply(words[0] + " " + strings.Join(rest, " ")), nil
	}
	if words[0] == "delay" && len(rest) == 1 {
		pause, err := time.ParseDuration(rest[0])
		if err != nil || pause < 0 || pause > time.Hour {
			return smtptest.Action{}, fmt.Errorf("delay %s: want a duration such as 2s", rest[0])
		}
		return smtptest.Pause(pause).Then(smtptest.Default()), nil
	}
	actions := map[string]smtptest.Action{
		"close": smtptest.Close(), "reset": smtptest.Reset(), "silence": smtptest.Silence(), "lose": smtptest.Accept().Then(smtptest.Reset()),
	}
	action, ok := actions[words[0]]
	if !ok || len(rest) > 0 {
		return action, fmt.Errorf("%q: want a code from 400 to 599, close, reset, silence, lose or delay", strings.Join(words, " "))
	}
	return action, nil
}

func (f *fault) fits(e smtptest.Event) bool {
	from := e.From
	if e.At == smtptest.Mail {
		_, path, _ := strings.Cut(e.Line, "<")
		from, _, _ = strings.Cut(path, ">")
	}
	return f.isAt(e) && f.isFor(e) && matches(f.from, from)
}

// isAt reports whether an event is at the stage of the fault. What goes wrong at DATA goes wrong at a chunk as well: a
// reply follows its octets, which a server must read before it refuses them; all else comes before.
func (f *fault) isAt(e smtptest.Event) bool {
	if f.at != smtptest.Data || e.At == smtptest.Data {
		return e.At == f.at
	}
	if !f.isReply {
		return e.At == smtptest.Chunk
	}
	verb, _, _ := strings.Cut(e.Line, " ")
	return e.At == smtptest.Bdat || e.At == smtptest.End && strings.EqualFold(verb, "BDAT")
}

// isFor reports whether the fault is for a recipient of an event: the one that it is about, or else one of the mail's.
func (f *fault) isFor(e smtptest.Event) bool {
	if f.to == "" || e.Recipient != "" || e.At == smtptest.Rcpt {
		return matches(f.to, e.Recipient)
	}
	return slices.ContainsFunc(e.To, func(to string) bool { return matches(f.to, to) })
}

// matches reports whether an address is like a pattern, in any case. No pattern is like every address.
func matches(pattern, address string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(address))
	return ok && err == nil
}

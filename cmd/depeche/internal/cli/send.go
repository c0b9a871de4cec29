package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/fill"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/spf13/cobra"
)

// sendFlags are the flags of send.
type sendFlags struct {
	url, from, replyTo, subject    string
	to, cc, bcc                    []string
	text, textFile, html, htmlFile string
	attach, inline, header         []string
	raw, template, data, list      string
	dryRun, ledger                 string
	again, plain                   bool
	connections, window            int
	json                           bool
	dkim                           dkimFlags
}

func newSend(w *World) *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Send a mail, a finished one, or one per row of a list",
		Long: `Send composes a mail from flags, takes a finished one (--raw), or makes one per row of a list.

The text is read from standard input unless --text, --html, a file or a template gives one.
With --template, --data or --list, the subject, text and HTML are Go templates:
--template mails/welcome reads mails/welcome.subject, .txt and .html, --data is JSON for them.
--list is CSV with a header line, or a JSON object per line (.jsonl); its field "to" is the recipient,
its field "key", or else the recipient, names the row. All mails are composed before the first is
sent, so a row that cannot become one stops the run. A ledger remembers what became of each row:
started again with it after an interruption, the same command sends the rest, and no row twice. A row
that may have been delivered when the command was killed is not sent again, and counts as unknown.

` + statusHelp,
		Example: `  echo "Be happy!" | depeche send --from nobody@example.org --to hei@example.org --subject "Happy new year"
  depeche send --from shop@example.org --list customers.csv --template mails/spring --ledger spring.ledger
  depeche send --from bounces@example.org --to hei@example.org --raw message.eml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.send(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.url, "url", "", "the relay, such as smtps://user@host; default $MAIL_URL")
	flags.StringVar(&f.from, "from", "", "the author")
	flags.StringArrayVar(&f.to, "to", nil, "a recipient; may be repeated, as all lists here")
	flags.StringArrayVar(&f.cc, "cc", nil, "a recipient of a copy")
	flags.StringArrayVar(&f.bcc, "bcc", nil, "a recipient whom the others do not see")
	flags.StringVar(&f.replyTo, "reply-to", "", "where answers go")
	flags.StringVar(&f.subject, "subject", "", "the subject")
	flags.StringVar(&f.text, "text", "", "the text")
	flags.StringVar(&f.textFile, "text-file", "", "a file with the text")
	flags.StringVar(&f.html, "html", "", "the HTML")
	flags.StringVar(&f.htmlFile, "html-file", "", "a file with the HTML")
	flags.StringArrayVar(&f.attach, "attach", nil, "a file to attach")
	flags.StringArrayVar(&f.inline, "inline", nil, "id=file: an image that the HTML shows by cid:id")
	flags.StringArrayVar(&f.header, "header", nil, `a further field, such as "X-Campaign: spring"`)
	flags.StringVar(&f.raw, "raw", "", "a finished message, sent as it is to --to, --cc and --bcc; - is standard input")
	flags.StringVar(&f.template, "template", "", "templates: PATH.subject, PATH.txt and PATH.html")
	flags.StringVar(&f.data, "data", "", "a JSON file for the templates; - is standard input")
	flags.StringVar(&f.list, "list", "", "a list, .csv or .jsonl: a mail for each row")
	flags.StringVar(&f.ledger, "ledger", "", "a file that remembers what was sent, for --list")
	flags.BoolVar(&f.plain, "ledger-addresses", false, "keep addresses readable in a new ledger, and not only hashed")
	flags.BoolVar(&f.again, "send-unknown-again", false, "with --ledger: send also what may have been delivered before")
	flags.StringVar(&f.dryRun, "dry-run", "", "write the mails into this folder instead of sending them")
	flags.IntVar(&f.connections, "connections", 0, "connections at once, for --list; 0 is what the relay's preset says")
	flags.IntVar(&f.window, "window", 0, "mails on their way over one connection, for --list")
	flags.StringVar(&f.dkim.domain, "dkim-domain", "", "sign for this domain; default: that of --from")
	flags.StringVar(&f.dkim.selector, "dkim-selector", "", "the selector of the key in the DNS")
	flags.StringVar(&f.dkim.key, "dkim-key", "", "a file with the private key; each mail is signed")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON, a line per mail")
	cmd.MarkFlagsRequiredTogether("dkim-selector", "dkim-key")
	cmd.MarkFlagsMutuallyExclusive("raw", "list")
	cmd.MarkFlagsMutuallyExclusive("raw", "template")
	cmd.MarkFlagsMutuallyExclusive("text", "text-file")
	cmd.MarkFlagsMutuallyExclusive("html", "html-file")
	cmd.MarkFlagsMutuallyExclusive("list", "data")
	return cmd
}

// send sends one mail, or a list.
func (w *World) send(ctx context.Context, f sendFlags) (err error) {
	if f.ledger != "" && f.list == "" {
		return fail(exitUsage, errors.New("--ledger is for --list"))
	}
	if f.connections < 0 || f.window < 0 {
		return fail(exitUsage, errors.New("--connections and --window must not be negative"))
	}
	if f.list != "" {
		return w.sendList(ctx, f)
	}
	mail, err := w.compose(f)
	if err != nil {
		return fail(exitData, err)
	}
	t, cleanup, err := w.open(f)
	defer cleanup()
	if err != nil {
		return err
	}
	result, err := t.Send(ctx, mail)
	w.showResult(f.json, row{}, result, err)
	_ = transport.Shutdown(ctx, t) // the outcome is known; a lost goodbye does not change it
	return fail(sendStatus(result, err), err)
}

// open opens the transport of the flags, which signs if a key is given.
func (w *World) open(f sendFlags) (t transport.Transport, cleanup func(), err error) {
	cleanup = func() {}
	if f.dryRun != "" {
		t, err = file.New(f.dryRun)
		err = fail(exitUsage, err)
	} else {
		t, cleanup, err = w.openRelay(f)
	}
	if err != nil || f.dkim.key == "" {
		return t, cleanup, err
	}
	if f.dkim.domain == "" {
		author, err := message.ParseMailbox(f.from)
		if err != nil {
			return nil, cleanup, fail(exitUsage, fmt.Errorf("--dkim-domain is missing, and --from: %w", err))
		}
		f.dkim.domain = author.Address.Domain()
	}
	signer, err := f.dkim.signer()
	if err != nil {
		return nil, cleanup, err
	}
	t, err = policy.Prepare{Next: t, Sign: signer}.Build()
	return t, cleanup, fail(exitUsage, err)
}

// openRelay opens the relay of the flags, for a list with the connections and the window that they say.
func (w *World) openRelay(f sendFlags) (t transport.Transport, cleanup func(), err error) {
	u, cleanup, err := w.relay(f.url)
	if err != nil {
		return nil, cleanup, err
	}
	if relays := u.Relays(); f.list != "" && len(relays) == 1 && (f.window > 0 || f.connections > 0) {
		b := relays[0].Builder()
		if f.window > 0 {
			b = b.BulkWindow(f.window)
		}
		if f.connections > 0 {
			b = b.Pool(poolOf(f.connections))
		}
		t, err := b.Build()
		return t, cleanup, fail(exitUsage, err)
	}
	t, err = u.Open()
	return t, cleanup, fail(exitUsage, err)
}

// compose makes the mail of the flags.
func (w *World) compose(f sendFlags) (transport.Mail, error) {
	if f.raw != "" {
		return w.finished(f)
	}
	if len(f.to)+len(f.cc)+len(f.bcc) == 0 {
		return nil, errors.New("there is no recipient: --to, --cc or --bcc")
	}
	kind, data, err := w.kind(&f)
	if err != nil {
		return nil, err
	}
	return f.mail(kind, data, f.to)
}

// kind returns the templates of the flags and their data; without --template, --data and --list the texts are taken as they are.
func (w *World) kind(f *sendFlags) (*fill.Kind, any, error) {
	if f.from == "" {
		return nil, nil, errors.New("there is no author: --from")
	}
	if err := f.readFiles(); err != nil {
		return nil, nil, err
	}
	if f.template == "" && f.data == "" && f.list == "" {
		if f.text == "" && f.html == "" {
			text, err := io.ReadAll(w.Stdin)
			if err != nil {
				return nil, nil, fmt.Errorf("standard input: %w", err)
			}
			f.text = string(text)
		}
		return nil, nil, nil
	}
	kind, err := fill.Inline(f.subject, f.text, f.html)
	if err != nil {
		return nil, nil, err
	}
	if f.template != "" {
		loaded, err := fill.Load(f.template)
		if err != nil {
			return nil, nil, err
		}
		kind = loaded.Over(kind)
	}
	if f.data == "" {
		return &kind, map[string]any{}, nil
	}
	source, err := w.read(f.data)
	if err != nil {
		return nil, nil, err
	}
	data, err := fill.ReadJSON(source)
	if err != nil {
		return nil, nil, fmt.Errorf("--data %s: %w", f.data, err)
	}
	return &kind, data, nil
}

func (f *sendFlags) readFiles() error {
	for path, text := range map[string]*string{f.textFile: &f.text, f.htmlFile: &f.html} {
		if path == "" {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		*text = string(source)
	}
	return nil
}

// read reads a file, or standard input for "-".
func (w *World) read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(w.Stdin)
	}
	return os.ReadFile(path)
}

// mail composes one mail.
func (f *sendFlags) mail(kind *fill.Kind, data any, to []string) (*message.Message, error) {
	b := message.New().From(f.from).To(to...).Cc(f.cc...).Bcc(f.bcc...)
	if f.replyTo != "" {
		b = b.ReplyTo(f.replyTo)
	}
	if kind != nil {
		var err error
		if b, err = kind.Apply(b, data); err != nil {
			return nil, err
		}
	} else {
		b = b.Subject(f.subject)
		if f.text != "" || f.html == "" {
			b = b.Text(f.text)
		}
		if f.html != "" {
			b = b.HTML(f.html)
		}
	}
	for _, value := range f.inline {
		id, path, ok := strings.Cut(value, "=")
		if !ok {
			return nil, fmt.Errorf("--inline %q: want id=file", value)
		}
		b = b.Inline(id, message.Path(path))
	}
	for _, path := range f.attach {
		b = b.Attach(message.Path(path))
	}
	for _, value := range f.header {
		name, text, ok := strings.Cut(value, ":")
		if !ok {
			return nil, fmt.Errorf("--header %q: want Name: value", value)
		}
		b = b.Header(name, strings.TrimPrefix(text, " "))
	}
	return b.Build()
}

// finished reads a message and gives it the envelope of the flags. Blind recipients that its header names are
// left out, and its line ends become CRLF.
func (w *World) finished(f sendFlags) (transport.Mail, error) {
	content, err := w.read(f.raw)
	if err != nil {
		return nil, err
	}
	var from envelope.Address // without --from that of bounces
	if f.from != "" {
		m, err := message.ParseMailbox(f.from)
		if err != nil {
			return nil, fmt.Errorf("--from: %w", err)
		}
		from = m.Address
	}
	var to []envelope.Address
	for _, list := range [][]string{f.to, f.cc, f.bcc} {
		for _, text := range list {
			m, err := message.ParseMailbox(text)
			if err != nil {
				return nil, err
			}
			to = append(to, m.Address)
		}
	}
	env, err := envelope.New(from, to...)
	if err != nil {
		return nil, err
	}
	read, err := eml.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("--raw: %w", err)
	}
	return read.WithCRLF().WithEnvelope(env), nil
}

// sent is the JSON of send.
type sent struct {
	Row    int               `json:"row,omitempty"` // of the list, from 1
	Key    string            `json:"key,omitempty"`
	Result *transport.Result `json:"result"`
	Error  string            `json:"error,omitempty"`
	Status int               `json:"status"`
}

// showResult prints what came of a mail: a line per recipient, or JSON.
func (w *World) showResult(asJSON bool, of row, result *transport.Result, err error) {
	if asJSON {
		line := sent{Row: of.number, Key: of.key, Result: result, Status: sendStatus(result, err)}
		if err != nil {
			line.Error = err.Error()
		}
		w.printJSON(line)
		return
	}
	for _, r := range result.Recipients {
		fmt.Fprintf(w.Stdout, "%s\t%s\t%s\n", r.Address, r.Outcome, r.Reply)
	}
}

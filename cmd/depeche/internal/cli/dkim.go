package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/spf13/cobra"
)

// dkimFlags are the flags of the commands about DKIM.
type dkimFlags struct {
	domain, selector, key string
	kind                  string
	resolver, record      string
}

func newDKIM(w *World) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dkim",
		Short: "Make keys for DKIM, publish and check them, sign and verify messages",
		Long: `DKIM lets the receivers of a mail know that the domain in From stands by it. The way to it:

  depeche dkim new --domain example.com --selector 2026a --key 2026a.pem
  (publish the record that it prints)
  depeche dkim check --domain example.com --selector 2026a --key 2026a.pem
  depeche send --dkim-domain example.com --dkim-selector 2026a --dkim-key 2026a.pem ...`,
	}
	cmd.AddCommand(newDKIMNew(w), newDKIMRecord(w), newDKIMCheck(w), newDKIMSign(w), newDKIMVerify(w))
	return cmd
}

// keyFlags adds the flags that name a key.
func keyFlags(cmd *cobra.Command, f *dkimFlags, key string) {
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.domain, "domain", "", "the domain that signs (required)")
	cmd.Flags().StringVar(&f.selector, "selector", "", "the name of the key in the DNS (required)")
	cmd.Flags().StringVar(&f.key, "key", "", key)
	for _, name := range []string{"domain", "selector"} {
		_ = cmd.MarkFlagRequired(name) // it is there
	}
}

func newDKIMNew(w *World) *cobra.Command {
	var f dkimFlags
	cmd := &cobra.Command{
		Use:     "new",
		Short:   "Make a key, and print the record to publish",
		Long:    "New writes a private key into a new file for this user alone, and prints the line for the zone of the domain.",
		Example: "  depeche dkim new --domain example.com --selector 2026a --key 2026a.pem",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			key, err := newKey(f.kind)
			if err != nil {
				return fail(exitUsage, err)
			}
			signer, err := dkim.Sign(f.domain).Key(f.selector, key).Build() // before there is a file
			if err != nil {
				return fail(exitUsage, err)
			}
			if err := writeKey(f.key, key); err != nil {
				return fail(exitUsage, err)
			}
			return w.showRecords(signer, false)
		},
	}
	keyFlags(cmd, &f, "the file to write the private key to; it must not exist (required)")
	_ = cmd.MarkFlagRequired("key") // it is there
	cmd.Flags().StringVar(&f.kind, "type", "rsa", "rsa, which all receivers know, or ed25519, which is small and fast")
	complete(cmd, "type", "rsa", "ed25519")
	return cmd
}

// keyBits is what providers recommend; longer keys make records that some zones cannot hold.
const keyBits = 2048

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "rsa":
		return rsa.GenerateKey(rand.Reader, keyBits)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("--type %s: want rsa or ed25519", kind)
}

// writeKey writes a private key into a file that did not exist.
func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func newDKIMRecord(w *World) *cobra.Command {
	var f dkimFlags
	var text bool
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Print the record of a key",
		Long:  "Record prints the line for the zone of the domain, or with --text the text of the TXT record alone.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			signer, err := f.signer()
			if err != nil {
				return err
			}
			return w.showRecords(signer, text)
		},
	}
	keyFlags(cmd, &f, "the file with the private key (required)")
	_ = cmd.MarkFlagRequired("key") // it is there
	cmd.Flags().BoolVar(&text, "text", false, "print the text alone")
	return cmd
}

// signer returns the signer of the flags.
func (f *dkimFlags) signer() (*dkim.Signer, error) {
	signer, err := dkim.Sign(f.domain).KeyFile(f.selector, f.key).Build()
	return signer, fail(exitUsage, err)
}

func (w *World) showRecords(signer *dkim.Signer, text bool) error {
	records, err := signer.Records()
	if err != nil {
		return fail(exitData, err)
	}
	for _, r := range records {
		if text {
			fmt.Fprintln(w.Stdout, r.Record)
		} else {
			fmt.Fprintln(w.Stdout, strings.TrimSuffix(r.Record.Zone(r.Selector, r.Domain), "\n"))
		}
	}
	return nil
}

func newDKIMCheck(w *World) *cobra.Command {
	var f dkimFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check whether the DNS has the record of a key",
		Long: `Check asks the DNS for the record of a selector, and with --key whether it is the one of that key.

Exit status: 0 when it is, 64 for arguments that cannot be used, 69 when there is no such record or it is
another one, 75 when the DNS cannot be asked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.checkRecord(cmd.Context(), f) },
	}
	keyFlags(cmd, &f, "the file with the private key")
	cmd.Flags().StringVar(&f.resolver, "resolver", "", "ask this name server, as host:port")
	return cmd
}

// checkRecord compares the DNS with a key, or shows what is there.
func (w *World) checkRecord(ctx context.Context, f dkimFlags) error {
	verifier := dkim.Verifier{LookupTXT: f.lookup()}
	name := dkim.RecordName(f.selector, f.domain)
	if f.key != "" {
		signer, err := f.signer()
		if err != nil {
			return err
		}
		if err := verifier.CheckPublished(ctx, signer); err != nil {
			return fail(lookupStatus(err), err)
		}
		fmt.Fprintf(w.Stdout, "%s has the record of this key\n", name)
		return nil
	}
	texts, err := verifier.LookupTXT(ctx, name)
	if err != nil {
		return fail(lookupStatus(err), err)
	}
	for _, text := range texts {
		record, err := dkim.ParseRecord(text)
		switch {
		case err != nil:
			return fail(exitUnavailable, fmt.Errorf("%s: %w", name, err))
		case record.Key == nil:
			return fail(exitUnavailable, fmt.Errorf("%s: the key was revoked", name))
		}
		fmt.Fprintln(w.Stdout, record)
	}
	return nil
}

// lookup returns what asks the DNS: a name server or a record that a flag names, or the resolver of the system.
func (f *dkimFlags) lookup() func(ctx context.Context, name string) ([]string, error) {
	if f.record != "" {
		return func(context.Context, string) ([]string, error) { return []string{f.record}, nil }
	}
	resolver := net.DefaultResolver
	if f.resolver != "" {
		resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, f.resolver)
		}}
	}
	return resolver.LookupTXT
}

// lookupStatus tells a DNS that does not answer from one that says no.
func lookupStatus(err error) int {
	if failed, ok := errors.AsType[*net.DNSError](err); ok && !failed.IsNotFound {
		return exitTemporary
	}
	return exitUnavailable
}

func newDKIMSign(w *World) *cobra.Command {
	var f dkimFlags
	cmd := &cobra.Command{
		Use:     "sign [FILE]",
		Short:   "Sign a message",
		Long:    "Sign reads a message from a file or from standard input, and writes it signed to standard output, with CRLF line ends.",
		Example: "  depeche dkim sign --domain example.com --selector 2026a --key 2026a.pem message.eml > signed.eml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			signer, err := f.signer()
			if err != nil {
				return err
			}
			message, err := w.message(args)
			if err != nil {
				return fail(exitData, err)
			}
			signed, err := signer.Sign(cmd.Context(), transport.Raw(envelope.Envelope{}, message))
			if err != nil {
				return fail(exitData, err)
			}
			_, err = signed.WriteTo(w.Stdout)
			return fail(exitTemporary, err)
		},
	}
	keyFlags(cmd, &f, "the file with the private key (required)")
	_ = cmd.MarkFlagRequired("key") // it is there
	return cmd
}

// message reads a message from the file of an argument or from standard input, with CRLF line ends.
func (w *World) message(args []string) ([]byte, error) {
	path := "-"
	if len(args) > 0 {
		path = args[0]
	}
	content, err := w.read(path)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, errors.New("the message is empty")
	}
	return transport.NormalizeNewlines(content), nil
}

func newDKIMVerify(w *World) *cobra.Command {
	var f dkimFlags
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Check the signatures of a message",
		Long: `Verify reads a message from a file or from standard input, and says of each signature whether it holds.

Exit status: 0 when one holds, 64 for arguments that cannot be used, 65 for a message that cannot be
read, 69 when no signature holds, 75 when the DNS cannot be asked.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			message, err := w.message(args)
			if err != nil {
				return fail(exitData, err)
			}
			verifier := dkim.Verifier{LookupTXT: f.lookup()}
			found, err := verifier.Verify(cmd.Context(), transport.Raw(envelope.Envelope{}, message))
			if err != nil {
				return fail(exitData, err)
			}
			return w.showVerifications(found)
		},
	}
	cmd.Flags().StringVar(&f.resolver, "resolver", "", "ask this name server, as host:port")
	cmd.Flags().StringVar(&f.record, "record", "", "use this text of a TXT record instead of the DNS")
	return cmd
}

func (w *World) showVerifications(found []*dkim.Verification) error {
	if len(found) == 0 {
		return fail(exitUnavailable, errors.New("there is no signature"))
	}
	status := exitUnavailable
	for _, v := range found {
		verdict := "holds"
		switch {
		case v.Err == nil:
			status = exitOK
		case status != exitOK && lookupStatus(v.Err) == exitTemporary:
			status = exitTemporary
		}
		if v.Err != nil {
			verdict = "does not hold: " + v.Err.Error()
		}
		fmt.Fprintf(w.Stdout, "%s\t%s\t%s\t%s\n", v.Domain, v.Selector, v.Algorithm, verdict)
	}
	if status == exitOK {
		return nil
	}
	return fail(status, errSilent)
}

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC)

func harvest() meeting {
	return meeting{
		ID: "1@example.com", Title: "Harvest; and, more", Place: "The barn\nMETHOD:CANCEL", Begin: noon, End: noon.Add(time.Hour),
		Organizer: person{`Zoë "Z" Müller, the 1st`, "zoe@example.com"}, Guests: []person{{"Hei: here", "hei@example.org"}, {"", "bob@example.org"}},
	}
}

// sent sends a mail, and returns it as a reader sees it, with the event of its calendar and the text of that.
func sent(t *testing.T, b message.Builder) (*mailtest.Mail, ical.Event, string) {
	t.Helper()
	msg, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	inbox := mailtest.New()
	if _, err := inbox.Send(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	mail := inbox.Mails()[0]
	files := mail.View().Attachments
	if len(files) != 2 || files[0].Type != "text/calendar" || files[1].Type != "application/ics" || files[1].Name != "invite.ics" || !bytes.Equal(files[0].Data, files[1].Data) {
		t.Fatalf("the parts are %+v", files)
	}
	calendar, err := ical.NewDecoder(bytes.NewReader(files[0].Data)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	return mail, calendar.Events()[0], string(files[0].Data)
}

// status returns who takes part, each with what is known of it.
func status(event ical.Event) (list []string) {
	for _, p := range event.Props.Values(ical.PropAttendee) {
		list = append(list, p.Value+" "+p.Params.Get(ical.ParamParticipationStatus))
	}
	return list
}

// has fails the test when a calendar lacks a line.
func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	unfolded := strings.ReplaceAll(text, "\r\n ", "")
	for _, line := range lines {
		if !strings.Contains("\r\n"+unfolded, "\r\n"+line+"\r\n") {
			t.Errorf("no line %s in\n%s", line, unfolded)
		}
	}
}

// TestMeeting invites, changes, answers and calls off (RFC 5546 sections 3.2.2, 3.2.3 and 3.2.5, RFC 6047 section 2.4).
func TestMeeting(t *testing.T) {
	m := harvest()
	mail, event, text := sent(t, m.request(noon))
	has(t, text, "METHOD:REQUEST", "VERSION:2.0", "UID:1@example.com", "SEQUENCE:0", "DTSTART:20270301T120000Z", "DTEND:20270301T130000Z", "DTSTAMP:20270301T120000Z",
		`SUMMARY:Harvest\; and\, more`, `LOCATION:The barn\nMETHOD:CANCEL`, `ORGANIZER;CN="Zoë 'Z' Müller, the 1st":mailto:zoe@example.com`)
	if diff := cmp.Diff([]string{"mailto:hei@example.org NEEDS-ACTION", "mailto:bob@example.org NEEDS-ACTION"}, status(event)); diff != "" {
		t.Error(diff)
	}
	if env := mail.Envelope(); env.From().String() != "zoe@example.com" || env.Len() != 2 {
		t.Error(env)
	}

	reply, err := answer(text, m.Guests[0], "ACCEPTED", noon)
	if err != nil {
		t.Fatal(err)
	}
	mail, event, text = sent(t, reply)
	has(t, text, "METHOD:REPLY", "UID:1@example.com", "SEQUENCE:0")
	if diff := cmp.Diff([]string{"mailto:hei@example.org ACCEPTED"}, status(event)); diff != "" {
		t.Error(diff)
	}
	if env := mail.Envelope(); env.String() != "hei@example.org > zoe@example.com" {
		t.Error(env)
	}

	m.Sequence, m.Place = 1, "The other barn"
	_, _, text = sent(t, m.request(noon))
	has(t, text, "METHOD:REQUEST", "SEQUENCE:1", "LOCATION:The other barn")
	m.Sequence = 2
	_, _, text = sent(t, m.cancel(noon))
	has(t, text, "METHOD:CANCEL", "STATUS:CANCELLED", "SEQUENCE:2", "UID:1@example.com")
}

// TestNamesEndNoLine: what people are called adds nothing to the calendar.
func TestNamesEndNoLine(t *testing.T) {
	m := harvest()
	m.Guests[0].Name = "Hei\r\nMETHOD:CANCEL"
	if msg, err := m.request(noon).Build(); err == nil {
		t.Errorf("%v is sent", msg)
	}
}

// TestAnswerRefuses: only an invitation with an organizer is answered.
func TestAnswerRefuses(t *testing.T) {
	for _, text := range []string{
		"", "Hello",
		"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n",
		"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nORGANIZER:https://example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
	} {
		if _, err := answer(text, person{"", "hei@example.org"}, "ACCEPTED", noon); err == nil {
			t.Errorf("%q is answered", text)
		}
	}
}

// TestRun sends all mails to a server.
func TestRun(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Config.Security, srv.Config.Mechanisms = smtptest.Plaintext, map[string]smtptest.Mechanism{}
	srv.Start()
	t.Setenv("MAIL_URL", srv.URL())
	if err := run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Messages()); n != 3 {
		t.Errorf("%d mails came", n)
	}
}

package main

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/emersion/go-ical"
)

// person is an organizer or a guest.
type person struct{ Name, Address string }

// meeting is what all mails about one meeting have in common.
type meeting struct {
	ID        string // stays the same, so that calendars find the meeting again
	Sequence  int    // goes up with every change, and with the end (RFC 5546 section 2.1.4)
	Title     string
	Place     string
	Begin     time.Time
	End       time.Time
	Organizer person
	Guests    []person
}

// request invites the guests, or tells them of a change (RFC 5546 section 3.2.2).
func (m meeting) request(now time.Time) message.Builder {
	return m.mail("REQUEST", "Invitation: "+m.Title, m.event(now))
}

// cancel calls the meeting off (RFC 5546 section 3.2.5). The sequence must be higher than that of the last request.
func (m meeting) cancel(now time.Time) message.Builder {
	event := m.event(now)
	event.SetStatus(ical.EventCancelled)
	return m.mail("CANCEL", "Called off: "+m.Title, event)
}

func (m meeting) event(now time.Time) *ical.Event {
	event := ical.NewEvent()
	event.Props.SetText(ical.PropUID, m.ID)
	sequence := ical.NewProp(ical.PropSequence)
	sequence.Value = strconv.Itoa(m.Sequence)
	event.Props.Set(sequence)
	event.Props.SetDateTime(ical.PropDateTimeStamp, now.UTC())
	event.Props.SetDateTime(ical.PropDateTimeStart, m.Begin.UTC()) // UTC needs no description of a time zone beside it
	event.Props.SetDateTime(ical.PropDateTimeEnd, m.End.UTC())
	event.Props.SetText(ical.PropSummary, m.Title)
	event.Props.SetText(ical.PropLocation, m.Place)
	event.Props.Add(who(ical.PropOrganizer, m.Organizer))
	for _, guest := range m.Guests {
		attendee := who(ical.PropAttendee, guest)
		attendee.Params.Set(ical.ParamParticipationStatus, "NEEDS-ACTION")
		attendee.Params.Set(ical.ParamRSVP, "TRUE")
		event.Props.Add(attendee)
	}
	return event
}

// mail is the event as a mail of the organizer to all guests.
func (m meeting) mail(method, subject string, event *ical.Event) message.Builder {
	b := message.New().FromNamed(m.Organizer.Name, m.Organizer.Address).Subject(subject).
		Text(m.Title + "\n" + m.Place + "\n" + m.Begin.Format(time.RFC1123) + "\n")
	for _, guest := range m.Guests {
		b = b.ToNamed(guest.Name, guest.Address)
	}
	return withCalendar(b, method, event)
}

var errInvitation = errors.New("want a calendar with an event that has an organizer")

// answer is a guest's mail to the organizer (RFC 5546 section 3.2.3): ACCEPTED, TENTATIVE or DECLINED. What names the
// meeting comes from the text of the invitation's calendar, and the guest is the only one who takes part in the answer.
func answer(invitation string, guest person, status string, now time.Time) (message.Builder, error) {
	calendar, err := ical.NewDecoder(strings.NewReader(invitation)).Decode()
	if err != nil {
		return message.Builder{}, err
	}
	events := calendar.Events()
	if len(events) == 0 || events[0].Props.Get(ical.PropOrganizer) == nil {
		return message.Builder{}, errInvitation
	}
	event := ical.NewEvent()
	for _, name := range []string{ical.PropUID, ical.PropSequence, ical.PropRecurrenceID, ical.PropOrganizer, ical.PropSummary, ical.PropDateTimeStart} {
		if asked := events[0].Props.Get(name); asked != nil {
			event.Props.Set(asked)
		}
	}
	event.Props.SetDateTime(ical.PropDateTimeStamp, now.UTC())
	attendee := who(ical.PropAttendee, guest)
	attendee.Params.Set(ical.ParamParticipationStatus, status)
	event.Props.Add(attendee)
	scheme, organizer, _ := strings.Cut(event.Props.Get(ical.PropOrganizer).Value, ":")
	if !strings.EqualFold(scheme, "mailto") {
		return message.Builder{}, errInvitation
	}
	b := message.New().FromNamed(guest.Name, guest.Address).ToNamed("", organizer). // readers compare From with the guest
											Subject(status).Text(guest.Name + ": " + status + "\n")
	return withCalendar(b, "REPLY", event), nil
}

// withCalendar adds an event twice: as the part that programs with a calendar act on, and as a file for the others.
func withCalendar(b message.Builder, method string, event *ical.Event) message.Builder {
	calendar := ical.NewCalendar()
	calendar.Props.SetText(ical.PropVersion, "2.0")
	calendar.Props.SetText(ical.PropProductID, "-//example.com//invitation//EN")
	calendar.Props.SetText(ical.PropMethod, method)
	calendar.Children = append(calendar.Children, event.Component)
	var text bytes.Buffer
	if err := ical.NewEncoder(&text).Encode(calendar); err != nil {
		return b.Fault("Calendar", err)
	}
	return b.Calendar(method, text.String()).Attach(message.FileBytes("invite.ics", text.Bytes()).WithType("application/ics"))
}

// who is a person as a property. Parameters have no quotes (RFC 5545 section 3.2); line ends in a name are refused with the
// mail, which has the same people.
func who(property string, p person) *ical.Prop {
	prop := ical.NewProp(property)
	prop.Value = "mailto:" + p.Address // SetURI would give it a type that calendar addresses have not
	if p.Name != "" {
		prop.Params.Set(ical.ParamCommonName, strings.ReplaceAll(p.Name, `"`, "'"))
	}
	return prop
}

module github.com/depeche-mail/depeche/examples/invitation

go 1.26.0

require (
	github.com/depeche-mail/depeche v0.0.0
	github.com/emersion/go-ical v0.0.0-20250329121855-f41e73efc392
	github.com/google/go-cmp v0.7.0
)

require (
	github.com/teambition/rrule-go v1.8.2 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/depeche-mail/depeche => ../..

module github.com/depeche-mail/depeche/oauth

go 1.26.0

require (
	github.com/depeche-mail/depeche v0.0.0
	github.com/google/go-cmp v0.7.0
)

require (
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/oauth2 v0.34.0
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/depeche-mail/depeche => ../

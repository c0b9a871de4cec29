module github.com/depeche-mail/depeche

go 1.26.0

require github.com/google/go-cmp v0.7.0

require github.com/emersion/go-message v0.18.2

require (
	golang.org/x/net v0.62.0
	golang.org/x/text v0.43.0 // indirect
)

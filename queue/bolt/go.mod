module github.com/depeche-mail/depeche/queue/bolt

go 1.26.0

replace (
	github.com/depeche-mail/depeche => ../../
	github.com/depeche-mail/depeche/ledger/bolt => ../../ledger/bolt
)

require (
	github.com/depeche-mail/depeche v0.0.0-00010101000000-000000000000
	github.com/depeche-mail/depeche/ledger/bolt v0.0.0-00010101000000-000000000000
	go.etcd.io/bbolt v1.5.0
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

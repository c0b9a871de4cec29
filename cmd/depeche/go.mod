module github.com/depeche-mail/depeche/cmd/depeche

go 1.26.0

replace (
	github.com/depeche-mail/depeche => ../../
	github.com/depeche-mail/depeche/ledger/bolt => ../../ledger/bolt
	github.com/depeche-mail/depeche/queue/bolt => ../../queue/bolt
)

require (
	github.com/depeche-mail/depeche v0.0.0-00010101000000-000000000000
	github.com/depeche-mail/depeche/ledger/bolt v0.0.0-00010101000000-000000000000
	github.com/depeche-mail/depeche/queue/bolt v0.0.0-00010101000000-000000000000
	github.com/google/go-cmp v0.7.0
	github.com/spf13/cobra v1.10.2
	golang.org/x/net v0.62.0
	golang.org/x/term v0.48.0
)

require (
	github.com/cpuguy83/go-md2man/v2 v2.0.6 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	go.yaml.in/yaml/v3 v3.0.4 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

module github.com/depeche-mail/depeche/interop

go 1.26.0

replace github.com/depeche-mail/depeche => ../

require github.com/google/go-cmp v0.7.0

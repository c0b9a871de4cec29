module github.com/depeche-mail/depeche

go 1.26

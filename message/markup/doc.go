// Package markup makes of HTML what a mail needs beside it: the plain text that shows the same, and inline parts of the
// images that the HTML names by file.
//
//	page, err := markup.Embed(html, os.DirFS("images"))
//	...
//	b = page.AddTo(b).Text(markup.Text(html))
//
// Programs that write their mails as files use package templates, which does both by itself. The package is apart from
// package message because a program that needs neither should not link an HTML parser.
package markup

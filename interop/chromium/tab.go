package chromium

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"testing"
	"time"
)

// Tab is a window of a browser, 1000 by 800 pixels. One goroutine at a time may use it.
type Tab struct {
	browser *Browser
	session string
}

// Open opens an empty tab. It closes with the browser.
func (b *Browser) Open(t *testing.T) *Tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var made struct{ TargetID, SessionID string }
	check(t, b.call(ctx, "", "Target.createTarget", map[string]any{"url": "about:blank", "newWindow": true, "width": 1000, "height": 800}, &made))
	check(t, b.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made))
	tab := &Tab{b, made.SessionID}
	tab.call(t, "Page.enable", nil, nil)
	return tab
}

// Load loads an address, and returns when everything in it is loaded, or at once when it is nothing to be
// shown, such as a download.
func (tab *Tab) Load(t *testing.T, address string) {
	t.Helper()
	loaded := tab.browser.expect(event{tab.session, "Page.loadEventFired"})
	var started struct{ ErrorText string }
	tab.call(t, "Page.navigate", map[string]any{"url": address}, &started)
	if started.ErrorText != "" {
		return
	}
	select {
	case <-loaded:
	case <-time.After(patience):
		t.Fatalf("%s does not load", address)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (tab *Tab) call(t *testing.T, method string, params, result any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, tab.browser.call(ctx, tab.session, method, params, result))
}

// Evaluate runs a script in the page, but not in its frames, and stores its value.
func (tab *Tab) Evaluate(t *testing.T, script string, value any) {
	t.Helper()
	result := struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}{}
	result.Result.Value = value
	tab.call(t, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &result)
	if result.ExceptionDetails != nil {
		t.Fatalf("%s: %s", script, result.ExceptionDetails.Text)
	}
}

// Rect returns where the first element of a selector is.
func (tab *Tab) Rect(t *testing.T, selector string) image.Rectangle {
	t.Helper()
	var sides [4]float64
	tab.Evaluate(t, `(() => { const r = document.querySelector("`+selector+`").getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] })()`, &sides)
	return image.Rect(int(sides[0]), int(sides[1]), int(sides[2]), int(sides[3]))
}

// Point moves the mouse there, over what is on the screen: what is not visible yet is not hit.
func (tab *Tab) Point(t *testing.T, at image.Point) { t.Helper(); tab.mouse(t, "mouseMoved", at) }

// Press presses the button of the mouse there, and releases it.
func (tab *Tab) Press(t *testing.T, at image.Point) {
	t.Helper()
	tab.mouse(t, "mousePressed", at)
	tab.mouse(t, "mouseReleased", at)
}

func (tab *Tab) mouse(t *testing.T, kind string, at image.Point) {
	t.Helper()
	tab.call(t, "Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
}

// Shows brings the tab to the front and takes pictures of it until one is as wanted, and reports whether there
// was one. A page that is loaded is not yet on the screen, least of all its frames, which are processes of
// their own. The last picture and its PNG file are returned in any case.
func (tab *Tab) Shows(t *testing.T, wanted func(image.Image) bool) (shot image.Image, file []byte, ok bool) {
	t.Helper()
	tab.call(t, "Page.bringToFront", nil, nil)
	for deadline := time.Now().Add(patience); ; {
		shot, file = tab.screenshot(t) // each is of another frame of the screen, so this does not spin
		if ok = wanted(shot); ok || time.Now().After(deadline) {
			return shot, file, ok
		}
	}
}

// screenshot takes a picture. On a busy machine Chromium was seen not to answer; it is asked again.
func (tab *Tab) screenshot(t *testing.T) (image.Image, []byte) {
	t.Helper()
	var shot struct{ Data []byte }
	err := context.DeadlineExceeded
	for tries := 0; tries < 6 && errors.Is(err, context.DeadlineExceeded); tries++ {
		ctx, cancel := context.WithTimeout(t.Context(), patience/6)
		err = tab.browser.call(ctx, tab.session, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
		cancel()
	}
	check(t, err)
	picture, err := png.Decode(bytes.NewReader(shot.Data))
	check(t, err)
	return picture, shot.Data
}

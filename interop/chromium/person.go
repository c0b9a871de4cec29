package chromium

import (
	"context"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"
)

// Size makes the window of a tab this large, in CSS pixels.
func (tab *Tab) Size(t *testing.T, width, height int) {
	t.Helper()
	tab.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Scheme makes the system prefer colours, "light" or "dark".
func (tab *Tab) Scheme(t *testing.T, scheme string) {
	t.Helper()
	tab.call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Scripts says whether pages may run scripts from the next load on.
func (tab *Tab) Scripts(t *testing.T, allowed bool) {
	t.Helper()
	tab.call(t, "Emulation.setScriptExecutionDisabled", map[string]any{"value": !allowed}, nil)
}

// codes are the numbers of keys that have no character.
var codes = map[string]int{"Enter": 13, "Tab": 9, "Escape": 27, "Delete": 46, "Space": 32}

// Key presses and releases keys, one after the other: a character, Enter, Tab, Escape, Space or Delete.
func (tab *Tab) Key(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		press := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
		switch {
		case key == "Enter":
			press["text"] = "\r"
		case key == "Space":
			press["key"], press["text"] = " ", " "
		case len([]rune(key)) == 1:
			press["text"] = key
		}
		tab.call(t, "Input.dispatchKeyEvent", press, nil)
		tab.call(t, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
	}
}

// Type types a text, key by key.
func (tab *Tab) Type(t *testing.T, text string) {
	t.Helper()
	for key := range strings.SplitSeq(text, "") {
		tab.Key(t, key)
	}
}

// Until asks the page until a script gives true. What a key or a mail leads to takes a moment.
func (tab *Tab) Until(t *testing.T, script string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var result struct{ Result struct{ Value any } }
		// A page that is just being left answers with an error.
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := tab.browser.call(ctx, tab.session, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &result)
		cancel()
		if err == nil && result.Result.Value == true {
			return
		}
		if time.Now().After(deadline) {
			var text string
			tab.Evaluate(t, "location.href + ' ' + document.body.innerText", &text)
			t.Fatalf("never true: %s (%v)\n%s", script, err, text)
		}
	}
}

// Picture returns a picture of the window, as a PNG file.
func (tab *Tab) Picture(t *testing.T) []byte {
	t.Helper()
	tab.call(t, "Page.bringToFront", nil, nil)
	_, file := tab.screenshot(t)
	return file
}

// Click brings the first element of a selector into the window, and clicks on its middle.
func (tab *Tab) Click(t *testing.T, selector string) {
	t.Helper()
	tab.Until(t, fmt.Sprintf(`document.readyState === "complete" && !!document.querySelector(%q)`, selector))
	tab.Evaluate(t, fmt.Sprintf(`document.querySelector(%q).scrollIntoView({block: "center", behavior: "instant"})`, selector), nil)
	r := tab.Rect(t, strings.ReplaceAll(selector, `"`, `\"`))
	tab.Press(t, image.Pt((r.Min.X+r.Max.X)/2, (r.Min.Y+r.Max.Y)/2))
}

// BypassPolicy lets scripts of a test run in pages whose policy allows only their own.
func (tab *Tab) BypassPolicy(t *testing.T) {
	t.Helper()
	tab.call(t, "Page.setBypassCSP", map[string]any{"enabled": true}, nil)
}

// Named returns the names of what has a role on the page, as assistive technology sees it, and contains a text.
func (tab *Tab) Named(t *testing.T, role, text string) (names []string) {
	t.Helper()
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	tab.call(t, "Accessibility.getFullAXTree", nil, &tree)
	for _, node := range tree.Nodes {
		name, _ := node.Name.Value.(string)
		if !node.Ignored && node.Role.Value == role && strings.Contains(name, text) {
			names = append(names, name)
		}
	}
	return names
}

// Package preview looks at mailtest/preview in a browser: real mail shows, and hostile mail can do nothing.
package preview

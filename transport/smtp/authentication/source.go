package authentication

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecretFile is more than any token: a wrong path does not fill the memory.
const maxSecretFile = 64 << 10

// File returns a source that reads a secret from a file each time it is asked, as secrets are mounted
// in containers. One line end at the end of the file is not part of the secret.
func File(name string) SecretSource {
	return func(context.Context) (string, error) {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer func() { _ = f.Close() }() // it was only read
		text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
		switch {
		case err != nil:
			return "", err
		case len(text) > maxSecretFile:
			return "", fmt.Errorf("%s has more than %d octets: not a secret", name, maxSecretFile)
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
	}
}

package pixelzoo_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"pixelzoo"
)

// setting is what the tests are told of the servers.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("set %s: make test-clients in the repository's root does, and starts the servers", name)
	}
	return value
}

// connect makes a client of the server PIXELZOO_SERVER.
func connect(t *testing.T) *pixelzoo.Client {
	t.Helper()
	client, err := pixelzoo.Dial(setting(t, "PIXELZOO_SERVER"))
	check(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

var pendingItems = regexp.MustCompile(`(?m)^pixelzoo_pending_items\{.*\} (\S+)$`)

// waitForPending waits until the server has this many items in hand.
func waitForPending(t *testing.T, items float64) {
	t.Helper()
	for tries := 0; tries < 600; tries++ {
		page, err := http.Get(setting(t, "PIXELZOO_METRICS"))
		check(t, err)
		text, err := io.ReadAll(page.Body)
		check(t, err)
		page.Body.Close()
		counts := pendingItems.FindAllSubmatch(text, -1)
		sum := 0.0
		for _, found := range counts {
			count, err := strconv.ParseFloat(string(found[1]), 64)
			check(t, err)
			sum += count
		}
		if len(counts) > 0 && sum == items {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the server never had %v items in hand", items)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks an error's code and reason.
func refused(t *testing.T, err error, code codes.Code, reason string) *pixelzoo.Error {
	t.Helper()
	var refusal *pixelzoo.Error
	if !errors.As(err, &refusal) || refusal.Code != code || refusal.Reason != reason {
		t.Fatalf("the error is %#v, not %v %s", err, code, reason)
	}
	return refusal
}

func pixels(t *testing.T, picture *pixelzoo.Picture) []byte {
	t.Helper()
	pixels, err := picture.Pixels()
	check(t, err)
	return pixels
}

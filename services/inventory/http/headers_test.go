package http

import (
	"testing"

	"github.com/openorder/openorder/services/inventory"
)

func FuzzPrecondition(f *testing.F) {
	for _, header := range []string{`*`, `"1"`, `W/"1"`, `"1", "2"`, `"1" "2"`, `"a,b",W/"x"`, `""`, `"`, `,`, ` `} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		only, err := precondition(header, "")
		if err != nil {
			return
		}
		for _, version := range only.Versions {
			if again, err := precondition(etag(inventory.Stock{Version: version}), ""); err != nil || again.Versions[0] != version {
				t.Errorf("%q names version %d, whose own tag names %v, %v", header, version, again, err)
			}
		}
	})
}

func FuzzIdempotencyKey(f *testing.F) {
	for _, header := range []string{`k`, `"k"`, `"k 1"`, `"k\""`, `"k";p=1`, `:aGVsbG8=:`, `?1`, `1`, `(a b)`, `""`, "\x00"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, err := idempotencyKey(header)
		if err != nil || key == "" {
			return
		}
		if len(key) > maxKey {
			t.Errorf("%q: a key of %d characters", header, len(key))
		}
		for _, r := range key {
			if r < ' ' || r > '~' {
				t.Errorf("%q: an unprintable key %q", header, key)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(encodeCursor("ABC-001"))
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, cursor string) {
		sku, err := decodeCursor(cursor)
		if err != nil {
			return
		}
		if again, err := decodeCursor(encodeCursor(sku)); err != nil || again != sku {
			t.Errorf("%q is %q, which comes back as %q, %v", cursor, sku, again, err)
		}
	})
}

package notification_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/openorder/openorder/services/notification"
)

func FuzzTextIsFitToBeStored(f *testing.F) {
	for _, seed := range []string{"", "OUT_OF_STOCK", "a\x00b", "\xff\xfe", strings.Repeat("ä", 600)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := notification.Text(s, 500)
		if len(text) > 500 || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Errorf("%q", text)
		}
	})
}

func FuzzParseIDReadsWhatStringWrote(f *testing.F) {
	for _, seed := range []string{"1-RESERVED-log", "7301444403200001-FAILED-webhook_0a1b2c3d4e5f", "-1-FAILED-log", "1-SHIPPED-log", "1-FAILED-", "+1-FAILED-a-b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := notification.ParseID(text)
		if err != nil {
			return
		}
		again, err := notification.ParseID(id.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(id, again); diff != "" {
			t.Error(diff)
		}
	})
}

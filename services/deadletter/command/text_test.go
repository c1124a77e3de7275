package command

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestValuesAreShownAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"b":1,"a":[]}`: "JSON", `"text"`: "JSON", "12": "JSON",
		"plain text\nof two lines": "text", "": "text", "\x00\x01": "binary", "\xff": "binary",
	} {
		if _, kind := pretty([]byte(value)); kind != want {
			t.Errorf("%q is shown as %s, want %s", value, kind, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b[31m\u009b\u202e\xff\U000e0001")
	f.Fuzz(func(t *testing.T, text string) {
		for _, shown := range []string{printable(text), shorten(text, 20)} {
			if at := strings.IndexFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }); at >= 0 {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
		line, err := encodeJSON(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(line, &back); err != nil || back["text"] != strings.ToValidUTF8(text, "\uFFFD") && !strings.Contains(back["text"], "\uFFFD") {
			t.Errorf("%q became %q (%v)", text, back["text"], err)
		}
		if at := strings.IndexFunc(strings.TrimSuffix(string(line), "\n"), func(r rune) bool { return !unicode.IsPrint(r) }); at >= 0 {
			t.Errorf("%q as JSON is %q", text, line)
		}
		shown, _ := pretty([]byte(text))
		if at := strings.IndexFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }); at >= 0 {
			t.Errorf("%q is shown as %q", text, shown)
		}
	})
}

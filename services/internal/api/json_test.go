package api

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWhatEncodingJSONWouldTakeIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"no UTF-8":                  {"{\"sku\":\"\xff\"}", "UTF-8"},
		"a member twice":            {`{"a":1,"b":2,"a":3}`, `"a"`},
		"twice deep inside":         {`[{"x":{"y":[{"k":":","k":1}]}}]`, `"k"`},
		"twice, written in two way": {`{"a":1,"\u0061":2}`, `"a"`},
		"an object twice":           {`{"o":{"p":1},"o":{"p":1}}`, `"o"`},
	} {
		t.Run(name, func(t *testing.T) {
			var into any
			if err := unmarshal([]byte(test.text), &into); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatIsJSONIsTaken(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `"a:b"`, `{"a":{"a":{"a":[{"a":1},{"a":2}]}}}`, `{"a\"b:":"\\","c":"\\\":"}`, ` { "a" : "x:y" , "b" : [ ] } `,
	} {
		var into any
		if err := unmarshal([]byte(text), &into); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Whatever encoding/json takes is taken too, or refused for a reason; and nothing makes the reader fall over.
func FuzzUnmarshal(f *testing.F) {
	for _, text := range []string{`{"a":1,"a":2}`, `{"a":":\"","b":[{"c":{}}]}`, `[1,"x",null]`, "\"\xff\"", `{"\u0061":1,"a":2}`, `{"a":"\\"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var strict, lenient any
		refusal, err := unmarshal([]byte(text), &strict), json.Unmarshal([]byte(text), &lenient)
		if err != nil && refusal == nil {
			t.Errorf("taken, though %v", err)
		}
		if err == nil && refusal != nil && !strings.Contains(refusal.Error(), "twice") && refusal != errNotUTF8 {
			t.Errorf("refused: %v", refusal)
		}
	})
}

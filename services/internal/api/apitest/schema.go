package apitest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// schema is as much of JSON Schema as the documents use.
type schema struct {
	Ref                  string `json:"$ref"`
	Type                 types
	Enum                 []any
	Properties           map[string]*schema
	Required             []string
	AdditionalProperties any
	Items                *schema
	Minimum, Maximum     *float64
}

// types is one or several.
type types []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *types) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// faults are the ways in which a value is not as its schema says.
func (c *Contract) faults(s *schema, value any, at string) []string {
	if s == nil {
		return nil
	}
	if name, isRef := strings.CutPrefix(s.Ref, "#/components/schemas/"); isRef {
		if c.doc.Components.Schemas[name] == nil {
			return []string{at + ": no such schema: " + name}
		}
		return c.faults(c.doc.Components.Schemas[name], value, at)
	}
	if len(s.Type) > 0 && !slices.ContainsFunc(s.Type, func(t string) bool { return isOf(t, value) }) {
		return []string{fmt.Sprintf("%s: %v is no %s", at, value, strings.Join(s.Type, " or "))}
	}
	var faults []string
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		faults = append(faults, fmt.Sprintf("%s: %v is none of %v", at, value, s.Enum))
	}
	switch value := value.(type) {
	case json.Number:
		n, _ := value.Float64()
		if s.Minimum != nil && n < *s.Minimum || s.Maximum != nil && n > *s.Maximum {
			faults = append(faults, fmt.Sprintf("%s: %v is out of bounds", at, value))
		}
	case []any:
		for i, item := range value {
			faults = append(faults, c.faults(s.Items, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		faults = append(faults, c.memberFaults(s, value, at)...)
	}
	return faults
}

func (c *Contract) memberFaults(s *schema, object map[string]any, at string) []string {
	var faults []string
	for _, name := range s.Required {
		if _, there := object[name]; !there {
			faults = append(faults, at+"."+name+" is missing")
		}
	}
	for name, member := range object {
		property, known := s.Properties[name]
		if !known && s.AdditionalProperties == false {
			faults = append(faults, at+"."+name+" is not documented")
		}
		faults = append(faults, c.faults(property, member, at+"."+name)...)
	}
	return faults
}

func isOf(kind string, value any) bool {
	switch value := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case json.Number:
		return kind == "number" || kind == "integer" && !strings.ContainsAny(value.String(), ".eE")
	case []any:
		return kind == "array"
	default:
		return kind == "object"
	}
}

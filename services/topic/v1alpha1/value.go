package v1alpha1

import (
	"encoding/json"
	"errors"
	"strings"
)

// ConfigValue is a configuration value as it was written: a string, a number or a boolean. It keeps anything else too,
// so that one value that nobody can use does not make the whole resource unreadable; see Text.
//
// +kubebuilder:validation:Type=""
// +kubebuilder:validation:XPreserveUnknownFields
type ConfigValue struct {
	// JSON is the value as it stands in the manifest.
	JSON string `json:"-"`
}

// StringValue is the string value that holds text.
func StringValue(text string) ConfigValue {
	encoded, _ := json.Marshal(text) // a string always encodes
	return ConfigValue{string(encoded)}
}

// MarshalJSON returns the value as it was written.
func (v ConfigValue) MarshalJSON() ([]byte, error) {
	if v.JSON == "" {
		return []byte("null"), nil
	}
	return []byte(v.JSON), nil
}

// UnmarshalJSON keeps the value as it was written.
func (v *ConfigValue) UnmarshalJSON(data []byte) error {
	v.JSON = string(data)
	return nil
}

// Text is the value as Kafka's tools take it, or an error that says what it is instead.
func (v ConfigValue) Text() (string, error) {
	trimmed := strings.TrimSpace(v.JSON)
	switch {
	case trimmed == "" || trimmed == "null":
		return "", errors.New("is null; write a value, or take the key out to go back to the cluster's default")
	case strings.HasPrefix(trimmed, "{"):
		return "", errors.New("is an object; write a string, a number or a boolean")
	case strings.HasPrefix(trimmed, "["):
		return "", errors.New(`is a list; write a string, with commas between its parts, such as "compact,delete"`)
	case strings.HasPrefix(trimmed, `"`):
		var text string
		err := json.Unmarshal([]byte(trimmed), &text)
		return text, err
	}
	return trimmed, nil
}

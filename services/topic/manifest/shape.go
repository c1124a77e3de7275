package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// shape is a resource's fields as Go types that read them from JSON.
type shape struct {
	resource any
	// open are the paths under which anything may stand.
	open []string
}

// What the API server has added is taken as it comes: a manifest may be what kubectl get printed.
var ownShape = shape{v1alpha1.KafkaTopic{}, []string{"status", "metadata"}}

// check says which fields of a resource are not known, or of another type than they must be.
func check(source string, text []byte, s shape) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	var errs []error
	s.walk("", document, reflect.TypeOf(s.resource), func(path, problem string) {
		errs = append(errs, fmt.Errorf("%s: %s: %s", source, path, problem))
	})
	return errors.Join(errs...)
}

func (s shape) walk(path string, value any, kind reflect.Type, refuse func(path, problem string)) {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if value == nil || slices.Contains(s.open, path) || kind == reflect.TypeFor[v1alpha1.ConfigValue]() || kind.Kind() == reflect.Interface {
		return
	}
	object, isObject := value.(map[string]any)
	switch kind.Kind() {
	case reflect.Struct, reflect.Map:
		if !isObject {
			refuse(path, "must be an object, not "+describe(value))
			return
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			within := strings.TrimPrefix(path+"."+key, ".")
			if kind.Kind() == reflect.Map {
				s.walk(within, object[key], kind.Elem(), refuse)
			} else if field, known := fields(kind)[key]; known {
				s.walk(within, object[key], field, refuse)
			} else {
				refuse(within, "is not known; known are "+strings.Join(slices.Sorted(maps.Keys(fields(kind))), ", "))
			}
		}
	default:
		encoded, _ := json.Marshal(value)
		if json.Unmarshal(encoded, reflect.New(kind).Interface()) != nil {
			refuse(path, fmt.Sprintf("must be %s, not %s", wanted(kind), encoded))
		}
	}
}

// fields are a struct's fields by their JSON names.
func fields(kind reflect.Type) map[string]reflect.Type {
	found := map[string]reflect.Type{}
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case strings.Contains(options, "inline"):
			maps.Copy(found, fields(field.Type))
		case name != "-" && name != "":
			found[name] = field.Type
		}
	}
	return found
}

func wanted(kind reflect.Type) string {
	switch kind.Kind() {
	case reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	return "a " + kind.Kind().String()
}

func describe(value any) string {
	switch value.(type) {
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	encoded, _ := json.Marshal(value)
	return string(encoded)
}

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
)

// check says which fields of a resource are not known, or not of the type that they have in shape, a struct. What stands
// under status is taken as it comes: a manifest may be what kubectl get printed.
func check(source string, text []byte, shape any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	var errs []error
	walk("", document, reflect.TypeOf(shape), func(path, problem string) {
		errs = append(errs, fmt.Errorf("%s: %s: %s", source, path, problem))
	})
	return errors.Join(errs...)
}

func walk(path string, value any, kind reflect.Type, refuse func(path, problem string)) {
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if value == nil || path == "status" {
		return
	}
	known := fields(kind)
	isMap := kind.Kind() == reflect.Map
	if !isMap && len(known) == 0 { // not made of fields, or with a decoder of its own
		encoded, _ := json.Marshal(value) // it was decoded a moment ago
		if json.Unmarshal(encoded, reflect.New(kind).Interface()) != nil {
			refuse(path, fmt.Sprintf("must be %s, not %s", wanted(kind), encoded))
		}
		return
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		encoded, _ := json.Marshal(value)
		refuse(path, fmt.Sprintf("must be an object, not %s", encoded))
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		within := strings.TrimPrefix(path+"."+key, ".")
		field, ok := known[key]
		switch {
		case isMap:
			walk(within, object[key], kind.Elem(), refuse)
		case ok:
			walk(within, object[key], field, refuse)
		default:
			refuse(within, "is not known; known are "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
}

// fields are a struct's fields by their JSON names.
func fields(kind reflect.Type) map[string]reflect.Type {
	found := map[string]reflect.Type{}
	if kind.Kind() != reflect.Struct {
		return found
	}
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
	case reflect.Int32:
		return "a whole number up to 2147483647"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	return "a value of another kind"
}

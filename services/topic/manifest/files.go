package manifest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Read reads files, the files of folders that end in .yaml, .yml or .json, and standard input. All of them together declare
// a topic once.
func Read(paths []string, stdin io.Reader) (Set, error) {
	var set Set
	var errs []error
	for _, path := range paths {
		errs = append(errs, set.readPath(path, stdin))
	}
	err := errors.Join(errs...)
	if err == nil && len(set.Topics) == 0 {
		err = fmt.Errorf("there is no KafkaTopic in %s", strings.Join(paths, ", "))
	}
	return set, err
}

func (s *Set) readPath(path string, stdin io.Reader) error {
	if path == Stdin {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		return s.parse("standard input", text)
	}
	files, err := filesOf(path)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	var errs []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("read manifests: %w", err))
			continue
		}
		errs = append(errs, s.parse(file, text))
	}
	return errors.Join(errs...)
}

// filesOf is the file itself, or the manifests of a folder, in the order of their names.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	entries, err := os.ReadDir(path)
	var files []string
	for _, entry := range entries {
		if !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) {
			files = append(files, filepath.Join(path, entry.Name()))
		}
	}
	return files, err
}

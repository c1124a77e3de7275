//go:build linux || darwin

package broker

import "golang.org/x/sys/unix"

// freeSpace is how many bytes of its file system a directory may still take.
func freeSpace(dir string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), nil
}

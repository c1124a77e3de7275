# Tools that the checks need and the project does not: built once, at a pinned version, outside of the project. Sourced.
tools=${OPENORDER_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/openorder-tools}
mkdir -p "$tools"

# tool NAME MODULE/PACKAGE@VERSION: $tools/NAME is that program, unless a file of that name is there for this version.
tool() {
  local name=$1 package=$2 binary
  if [ "$(cat "$tools/$name.version" 2>/dev/null)" = "$package" ] && [ -x "$tools/$name" ]; then return; fi
  echo "building $package" >&2
  mkdir -p "$tools/build"
  (cd / && GOBIN=$tools/build GOFLAGS=-mod=mod CGO_ENABLED=0 go install "$package")
  binary=$(basename "${package%@*}")
  mv "$tools/build/$binary" "$tools/$name"
  echo "$package" >"$tools/$name.version"
}

package chartcheck

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"sigs.k8s.io/yaml"
)

// tiltRun is what a Tiltfile told Tilt.
type tiltRun struct {
	t         *testing.T
	flags     map[string]string
	resources map[string][]string // and what each waits for
	workloads []string            // that a k8s_resource speaks of
	objects   []string            // NAME:KIND:NAMESPACE of all that is applied
	claimed   map[string]int      // objects that a resource lists
	images    []string            // of workloads, ours, without tag
	built     []string
	paths     []string
	buttons   map[string]string // and the resource each is on
	commands  map[string]string // of buttons
	checked   string            // the call of k8s/check-laptop.sh
	forwarded []string          // ports of this machine
	asked     []string          // Services that kubectl forwards ports to
}

func newTilt(t *testing.T, flags map[string]string) *tiltRun {
	return &tiltRun{t: t, flags: flags, resources: map[string][]string{}, claimed: map[string]int{}, buttons: map[string]string{}, commands: map[string]string{}}
}

type call struct {
	args   starlark.Tuple
	kwargs map[string]starlark.Value
}

func (c call) text(name string, position int) string {
	value := c.kwargs[name]
	if value == nil && position < len(c.args) {
		value = c.args[position]
	}
	s, _ := starlark.AsString(value)
	return s
}

func (c call) list(name string) (all []string) {
	if values, ok := c.kwargs[name].(*starlark.List); ok {
		for value := range values.Elements() {
			s, _ := starlark.AsString(value)
			all = append(all, s)
		}
	}
	return all
}

func builtin(name string, do func(call) (starlark.Value, error)) starlark.Value {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		c := call{args, map[string]starlark.Value{}}
		for _, pair := range kwargs {
			c.kwargs[string(pair[0].(starlark.String))] = pair[1]
		}
		return do(c)
	})
}

func nothing(call) (starlark.Value, error) { return starlark.None, nil }

func module(members map[string]func(call) (starlark.Value, error)) *starlarkstruct.Struct {
	values := starlark.StringDict{}
	for name, do := range members {
		values[name] = builtin(name, do)
	}
	return starlarkstruct.FromStringDict(starlarkstruct.Default, values)
}

func (r *tiltRun) builtins() starlark.StringDict {
	all := starlark.StringDict{
		"TRIGGER_MODE_MANUAL": starlark.String("manual"),
		"os":                  module(map[string]func(call) (starlark.Value, error){"getenv": nothing, "putenv": nothing}),
		"v1alpha1": module(map[string]func(call) (starlark.Value, error){
			"extension_repo": nothing, "start_on_spec": nothing, "ui_button": r.button, "cmd": r.command,
			"ui_component_location": func(c call) (starlark.Value, error) { return starlark.String(c.text("component_id", 0)), nil },
		}),
	}
	config := module(map[string]func(call) (starlark.Value, error){"define_string": nothing, "parse": r.parse})
	members := starlark.StringDict{"tilt_subcommand": starlark.String("up"), "main_dir": starlark.String(root)}
	config.ToStringDict(members)
	all["config"] = starlarkstruct.FromStringDict(starlarkstruct.Default, members)
	for name, do := range map[string]func(call) (starlark.Value, error){
		"version_settings": nothing, "allow_k8s_contexts": nothing, "ci_settings": nothing, "port_forward": r.forward, "link": nothing,
		"local": r.local, "custom_build": r.build, "helm": r.helm, "k8s_yaml": r.apply, "k8s_resource": r.resource,
		"local_resource": r.resource, "read_file": r.read, "decode_yaml_stream": decodeStream, "encode_yaml_stream": encodeStream,
		"load_dynamic": func(call) (starlark.Value, error) {
			extension := starlark.NewDict(1)
			return extension, extension.SetKey(starlark.String("helm_resource"), builtin("helm_resource", r.resource))
		},
	} {
		all[name] = builtin(name, do)
	}
	return all
}

func (r *tiltRun) parse(call) (starlark.Value, error) {
	values := starlark.NewDict(len(r.flags))
	for name, value := range r.flags {
		if err := values.SetKey(starlark.String(name), starlark.String(value)); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (r *tiltRun) local(c call) (starlark.Value, error) {
	if strings.HasPrefix(c.text("command", 0), "go env") {
		return starlark.String("amd64\n"), nil
	}
	r.checked = c.text("command", 0)
	return starlark.String(""), nil // a laptop that lacks nothing
}

func (r *tiltRun) forward(c call) (starlark.Value, error) {
	r.forwarded = append(r.forwarded, c.args[0].String())
	return starlark.None, nil
}

func (r *tiltRun) build(c call) (starlark.Value, error) {
	r.built = append(r.built, c.text("ref", 0))
	r.paths = append(r.paths, c.list("deps")...)
	return starlark.None, nil
}

func (r *tiltRun) read(c call) (starlark.Value, error) {
	text, err := os.ReadFile(root + "/" + c.text("file_path", 0))
	return starlark.String(text), err
}

func (r *tiltRun) helm(c call) (starlark.Value, error) {
	args := []string{"template", c.text("name", 1), c.text("chart", 0), "--namespace=" + c.text("namespace", 2), "--kube-version=1.37.0"}
	for _, file := range c.list("values") {
		args = append(args, "--values="+file)
	}
	for _, value := range c.list("set") {
		args = append(args, "--set="+value)
	}
	command := exec.CommandContext(r.t.Context(), helm(), args...)
	command.Dir = root
	out, err := command.Output()
	return starlark.String(out), err
}

func (r *tiltRun) resource(c call) (starlark.Value, error) {
	workload := c.text("workload", 0)
	name := c.text("new_name", 9)
	if name == "" {
		name = workload
	}
	if workload != "" {
		r.workloads = append(r.workloads, workload)
	}
	if forward := regexp.MustCompile(`-n (\S+) port-forward service/(\S+) (\d+):`).FindStringSubmatch(c.text("serve_cmd", 2)); forward != nil {
		r.asked = append(r.asked, forward[2]+":service:"+forward[1])
		r.forwarded = append(r.forwarded, forward[3])
	}
	r.resources[name] = append(r.resources[name], c.list("resource_deps")...)
	for _, object := range c.list("objects") {
		r.claimed[object]++
	}
	return starlark.None, nil
}

func (r *tiltRun) button(c call) (starlark.Value, error) {
	r.buttons[c.text("name", 0)] = c.text("location", 0)
	return starlark.None, nil
}

func (r *tiltRun) command(c call) (starlark.Value, error) {
	args := c.list("args")
	r.commands[c.text("name", 0)] = args[len(args)-1]
	return starlark.None, nil
}

// apply writes down the objects, the chart's test apart, which Tilt leaves out.
func (r *tiltRun) apply(c call) (starlark.Value, error) {
	for _, o := range parse(r.t, []byte(c.text("yaml", 0))) {
		if strings.HasPrefix(text(o, "metadata", "annotations", "helm.sh/hook"), "test") {
			continue
		}
		object := strings.ToLower(o.name() + ":" + o.kind())
		if namespace := text(o, "metadata", "namespace"); namespace != "" {
			object += ":" + namespace
		}
		r.objects = append(r.objects, object)
		if pods := pods([]resource{o}); len(pods) == 1 {
			for _, container := range list(pods[0].spec, "containers") {
				image, _, _ := strings.Cut(text(container, "image"), ":")
				r.images = append(r.images, image)
			}
		}
	}
	return starlark.None, nil
}

func decodeStream(c call) (starlark.Value, error) {
	var values []starlark.Value
	for _, document := range strings.Split("\n"+c.text("yaml", 0), "\n---\n") {
		text, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			return nil, err
		}
		if string(text) == "null" {
			continue
		}
		value, err := starlark.Call(&starlark.Thread{}, json.Module.Members["decode"], starlark.Tuple{starlark.String(text)}, nil)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return starlark.NewList(values), nil
}

func encodeStream(c call) (starlark.Value, error) {
	var documents []string
	for value := range c.args[0].(*starlark.List).Elements() {
		text, err := starlark.Call(&starlark.Thread{}, json.Module.Members["encode"], starlark.Tuple{value}, nil)
		if err != nil {
			return nil, err
		}
		document, _ := starlark.AsString(text)
		documents = append(documents, document)
	}
	return starlark.String(strings.Join(documents, "\n---\n")), nil
}

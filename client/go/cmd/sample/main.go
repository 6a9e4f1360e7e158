// Command sample draws new pictures, with progress.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"pixelzoo"
	"pixelzoo/cmd/internal/program"
	v1 "pixelzoo/v1"
)

const usage = `sample MODEL [-n COUNT] [--seed SEED] [--class NAME|NUMBER] [--sampler ddpm|ddim|dpm_solver_pp_2m]
              [--steps STEPS] [--guidance STRENGTH] [-o FILE.png]`

func main() {
	options := &pixelzoo.SampleOptions{}
	diffusion := &v1.DiffusionOptions{} // Only diffusion models have these.
	flags := program.Flags()
	flags.Func("n", "", func(text string) error {
		count, err := strconv.ParseUint(text, 10, 32)
		if err == nil && count == 0 { // Go's zero would be the default.
			err = errors.New("it must be a whole number of at least 1")
		}
		options.Count = uint32(count)
		return err
	})
	program.Seed(flags, func(seed *uint64) { options.Seed = seed })
	program.Choice(flags, "sampler", "SAMPLER_", v1.Sampler_value, func(sampler int32) {
		diffusion.Sampler = v1.Sampler(sampler)
	})
	flags.Func("steps", "", func(text string) error {
		steps, err := strconv.ParseUint(text, 10, 32)
		diffusion.Steps = proto.Uint32(uint32(steps))
		return err
	})
	program.Float(flags, "guidance", func(guidance float32) { diffusion.Guidance = &guidance })
	class := flags.String("class", "", "")
	out := flags.String("o", "sample.png", "")
	model := program.Words(flags, usage, 1, 1)[0]
	if proto.Size(diffusion) > 0 {
		options.Diffusion = diffusion
	}

	program.Run(func(ctx context.Context, client *pixelzoo.Client) (err error) {
		if options.Labels, err = program.Labels(ctx, client, model, *class); err != nil {
			return err
		}
		return sample(client.StreamSample(ctx, model, options), *out, options.Count > 1)
	})
}

func sample(stream *pixelzoo.Stream, out string, several bool) error {
	defer stream.Close()
	var done []string
	for stream.Next() {
		switch event := stream.Event().(type) {
		case *pixelzoo.Progress:
			fmt.Fprintf(os.Stderr, "\r%d of %d steps", event.Step, event.Steps)
		case *pixelzoo.Picture:
			file := out
			if several {
				ending := filepath.Ext(out)
				file = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(out, ending), event.Index, ending)
			}
			if err := os.WriteFile(file, event.File, 0o644); err != nil {
				return err
			}
			done = append(done, fmt.Sprintf("%s: seed %d", file, event.Seed))
		}
	}
	fmt.Fprintln(os.Stderr)
	for _, line := range done {
		fmt.Println(line)
	}
	return stream.Err()
}

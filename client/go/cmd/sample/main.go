// Command sample draws new pictures, with progress: sample [-count N] [-seed N] [-label CLASS] [-out FILE] [MODEL]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"pixelzoo"
)

func main() {
	log.SetFlags(0)
	options := &pixelzoo.SampleOptions{}
	flag.Func("count", "how many pictures; 1 if it is not set", func(text string) error {
		count, err := strconv.ParseUint(text, 10, 32)
		if count == 0 { // Go's zero would be the default.
			return errors.New("it must be a whole number of at least 1")
		}
		options.Count = uint32(count)
		return err
	})
	flag.Func("seed", "seed of the first picture; the server draws one if it is not set", func(text string) error {
		seed, err := strconv.ParseUint(text, 10, 64)
		options.Seed = &seed
		return err
	})
	label := flag.String("label", "", "class of the pictures, by name or number; none if it is not set")
	out := flag.String("out", "sample.png", "the file to write; several are numbered")
	flag.Parse()
	model := "ddpm_fashion_mnist"
	if flag.NArg() > 0 {
		model = flag.Arg(0)
	}
	// Ctrl-C ends the call, and with it the server's work.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := sample(ctx, model, *label, options, *out); err != nil {
		log.Fatal(err)
	}
}

func sample(ctx context.Context, model, label string, options *pixelzoo.SampleOptions, out string) error {
	client, err := pixelzoo.FromEnv()
	if err != nil {
		return err
	}
	defer client.Close()

	if label != "" {
		if options.Labels, err = client.Labels(ctx, model, label); err != nil {
			return err
		}
	}
	stream := client.StreamSample(ctx, model, options)
	defer stream.Close()
	var done []string
	for stream.Next() {
		switch event := stream.Event().(type) {
		case *pixelzoo.Progress:
			fmt.Fprintf(os.Stderr, "\r%d of %d steps", event.Step, event.Steps)
		case *pixelzoo.Picture:
			file := out
			if options.Count > 1 {
				file = fmt.Sprintf("%s-%d.png", strings.TrimSuffix(out, ".png"), event.Index)
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

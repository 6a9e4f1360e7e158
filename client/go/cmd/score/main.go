// Command score says how likely, or how good, a model holds pictures to be.
package main

import (
	"context"
	"fmt"
	"math"
	"os"

	"pixelzoo"
	"pixelzoo/cmd/internal/program"
)

const usage = "score MODEL PICTURE... [--class NAME|NUMBER]"

func main() {
	flags := program.Flags()
	class := flags.String("class", "", "")
	words := program.Words(flags, usage, 2, math.MaxInt)
	model, files := words[0], words[1:]

	program.Run(func(ctx context.Context, client *pixelzoo.Client) (err error) {
		pictures := make([]pixelzoo.Input, len(files))
		for i, name := range files {
			file, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			pictures[i] = pixelzoo.File(file)
		}
		options := &pixelzoo.ScoreOptions{}
		if options.Labels, err = program.Labels(ctx, client, model, *class); err != nil {
			return err
		}
		scores, err := client.Score(ctx, model, pictures, options)
		if err != nil {
			return err
		}
		for _, score := range scores {
			for _, value := range score.Values {
				fmt.Printf("%s: %s %.3f %s\n", files[score.Index], value.Name, value.Value, value.Unit)
			}
		}
		return nil
	})
}

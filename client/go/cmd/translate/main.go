// Command translate makes a picture from a picture.
package main

import (
	"context"
	"fmt"
	"os"

	"pixelzoo"
	"pixelzoo/cmd/internal/program"
	v1 "pixelzoo/v1"
)

const usage = `translate MODEL PICTURE [--direction a_to_b|b_to_a] [--strength 0..1] [--class NAME|NUMBER] [--seed SEED]
                 [-o FILE.png]`

func main() {
	options := &pixelzoo.TranslateOptions{}
	flags := program.Flags()
	// The first is for models of two domains, the second for diffusion models.
	program.Choice(flags, "direction", "DIRECTION_", v1.Direction_value, func(direction int32) {
		options.Adversarial = &v1.AdversarialTranslateOptions{Direction: v1.Direction(direction)}
	})
	program.Float(flags, "strength", func(strength float32) {
		options.Diffusion = &v1.DiffusionTranslateOptions{Strength: &strength}
	})
	program.Seed(flags, func(seed *uint64) { options.Seed = seed })
	class := flags.String("class", "", "")
	out := flags.String("o", "translated.png", "")
	words := program.Words(flags, usage, 2, 2)
	model, from := words[0], words[1]

	program.Run(func(ctx context.Context, client *pixelzoo.Client) error {
		file, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if options.Labels, err = program.Labels(ctx, client, model, *class); err != nil {
			return err
		}
		pictures, err := client.Translate(ctx, model, []pixelzoo.Input{pixelzoo.File(file)}, options)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %dx%d\n", *out, pictures[0].Width, pictures[0].Height)
		return os.WriteFile(*out, pictures[0].File, 0o644)
	})
}

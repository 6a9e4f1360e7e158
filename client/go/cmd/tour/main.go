// Command tour calls every RPC once. The server is at PIXELZOO_TARGET, or on this machine. The marked parts are the
// examples of docs/api.md; each prints its RPC's name first.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	"pixelzoo"
	v1 "pixelzoo/v1"
)

func main() {
	log.SetFlags(0)
	// [Connect]
	client, err := pixelzoo.FromEnv() // the server at PIXELZOO_TARGET, or else localhost:50051
	check(err)                        // ends the program unless err is nil
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // the deadline of the calls
	defer cancel()
	// [/Connect]

	// [ListModels]
	models, err := client.Models(ctx)
	check(err)
	for _, model := range models {
		fmt.Println("ListModels:", model.Name)
	}
	// [/ListModels]

	// [GetModel]
	described, err := client.Catalog.GetModel(ctx, &v1.GetModelRequest{
		Model: &v1.ModelSelector{Name: "ddpm_fashion_mnist"},
	})
	check(err)
	fmt.Println("GetModel:", described.Model.Card.Title, described.Model.Card.Classes)
	// [/GetModel]

	// [Sample]
	samples, err := client.Sample(ctx, "ddpm_fashion_mnist", &pixelzoo.SampleOptions{
		Seed:      pixelzoo.Seed(9),
		Labels:    []int32{7}, // a sneaker
		Diffusion: &v1.DiffusionOptions{Sampler: v1.Sampler_SAMPLER_DDIM, Steps: proto.Uint32(20)},
	})
	check(err)
	sneaker := samples[0]
	check(os.WriteFile("sneaker.png", sneaker.File, 0o644))
	fmt.Println("Sample:", sneaker.Width, sneaker.Height, sneaker.Seed)
	// [/Sample]

	// [StreamSample]
	stream := client.StreamSample(ctx, "ddpm_fashion_mnist", &pixelzoo.SampleOptions{
		Count:     2,
		Labels:    []int32{8}, // bags
		Diffusion: &v1.DiffusionOptions{Steps: proto.Uint32(20)},
	})
	defer stream.Close()
	for stream.Next() {
		switch event := stream.Event().(type) {
		case *pixelzoo.Progress:
			fmt.Printf("StreamSample: %d of %d steps\n", event.Step, event.Steps)
		case *pixelzoo.Picture:
			check(os.WriteFile(fmt.Sprintf("bag-%d.png", event.Index), event.File, 0o644))
		}
	}
	check(stream.Err())
	// [/StreamSample]

	// [Translate]
	translations, err := client.Translate(ctx, "cyclegan_fashion_mnist", []pixelzoo.Input{sneaker},
		&pixelzoo.TranslateOptions{
			Adversarial: &v1.AdversarialTranslateOptions{Direction: v1.Direction_DIRECTION_A_TO_B},
		})
	check(err)
	boot := translations[0]
	check(os.WriteFile("boot.png", boot.File, 0o644))
	fmt.Println("Translate:", boot.Width, boot.Height)
	// [/Translate]

	// [StreamTranslate]
	variations := client.StreamTranslate(ctx, "ddpm_fashion_mnist", []pixelzoo.Input{sneaker},
		&pixelzoo.TranslateOptions{
			Labels:    []int32{7},
			Diffusion: &v1.DiffusionTranslateOptions{Strength: proto.Float32(0.5), Steps: proto.Uint32(20)},
		})
	defer variations.Close()
	for variations.Next() {
		switch event := variations.Event().(type) {
		case *pixelzoo.Progress:
			fmt.Printf("StreamTranslate: %d of %d steps\n", event.Step, event.Steps)
		case *pixelzoo.Picture:
			check(os.WriteFile("variation.png", event.File, 0o644))
		}
	}
	check(variations.Err())
	// [/StreamTranslate]

	// [Score]
	scores, err := client.Score(ctx, "vae_fashion_mnist", []pixelzoo.Input{sneaker, boot}, nil)
	check(err)
	for _, score := range scores {
		for _, value := range score.Values {
			fmt.Printf("Score: picture %d, %s %.3f %s\n", score.Index, value.Name, value.Value, value.Unit)
		}
	}
	// [/Score]

	// [StreamScore]
	shoe := &v1.Image{Payload: &v1.Image_Encoded{Encoded: &v1.EncodedImage{Data: sneaker.File}}}
	replies, err := client.Scoring.StreamScore(ctx, &v1.StreamScoreRequest{Score: &v1.ScoreRequest{
		Model:  &v1.ModelSelector{Name: "ddpm_fashion_mnist"},
		Images: []*v1.Image{shoe},
		Labels: []int32{7},
		Options: &v1.ScoreOptions{Family: &v1.ScoreOptions_Diffusion{
			Diffusion: &v1.DiffusionScoreOptions{Timesteps: proto.Uint32(8)},
		}},
	}})
	check(err)
	for {
		reply, err := replies.Recv()
		if err == io.EOF {
			break
		}
		check(err)
		switch event := reply.Event.(type) {
		case *v1.StreamScoreResponse_Progress:
			fmt.Printf("StreamScore: %d of %d steps\n", event.Progress.Step, event.Progress.Steps)
		case *v1.StreamScoreResponse_Score:
			fmt.Println("StreamScore:", event.Score.Values[0].Value, event.Score.Values[0].Unit)
		}
	}
	// [/StreamScore]

	// [Encode]
	vae := &v1.ModelSelector{Name: "vae_fashion_mnist"}
	ankle := &v1.Image{Payload: &v1.Image_Encoded{Encoded: &v1.EncodedImage{Data: boot.File}}}
	encoded, err := client.Latent.Encode(ctx, &v1.EncodeRequest{Model: vae, Images: []*v1.Image{shoe, ankle}})
	check(err)
	fmt.Println("Encode:", encoded.Latents[0].Shape, encoded.Latents[0].DataType)
	// [/Encode]

	// [Decode]
	decoded, err := client.Latent.Decode(ctx, &v1.DecodeRequest{Model: vae, Latents: encoded.Latents})
	check(err)
	check(os.WriteFile("decoded.png", decoded.Images[0].GetEncoded().Data, 0o644))
	fmt.Println("Decode:", len(decoded.Images))
	// [/Decode]

	// [Interpolate]
	way, err := client.Latent.Interpolate(ctx, &v1.InterpolateRequest{
		Model:  vae,
		Start:  &v1.LatentPoint{Point: &v1.LatentPoint_Image{Image: shoe}},
		End:    &v1.LatentPoint{Point: &v1.LatentPoint_Latent{Latent: encoded.Latents[1]}},
		Count:  proto.Uint32(5),
		Method: v1.InterpolationMethod_INTERPOLATION_METHOD_SPHERICAL,
	})
	check(err)
	fmt.Println("Interpolate:", len(way.Images))
	// [/Interpolate]
}

// check ends the program. What fails is a *pixelzoo.Error, or of the bare stubs what pixelzoo.FromStatus makes one of.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

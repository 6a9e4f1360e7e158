// Command golden runs the golden requests: golden ADDRESS FILE. It prints one line for each: the digest of its pixels,
// or of its scores, or its error. "golden settings" makes a client from the environment instead, and prints "ok" or the
// error.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"sort"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"pixelzoo"
	v1 "pixelzoo/v1"
)

type golden struct {
	Name    string
	Method  string
	Model   string
	Request json.RawMessage
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 2 && os.Args[1] == "settings" {
		settings()
		return
	}
	if len(os.Args) != 3 {
		log.Fatal("usage: golden ADDRESS FILE, or golden settings")
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	var requests []golden
	if err := json.Unmarshal(text, &requests); err != nil {
		log.Fatal(err)
	}
	client, err := pixelzoo.Dial(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for _, request := range requests {
		payload, err := request.run(context.Background(), client)
		var refusal *pixelzoo.Error
		switch {
		case err == nil:
			fmt.Printf("%s %x\n", request.Name, sha256.Sum256(payload))
		case errors.As(err, &refusal):
			fmt.Print(request.Name, " ", line(refusal))
			for _, violation := range refusal.Violations {
				fmt.Printf(" [%s: %s]", violation.Field, violation.Description)
			}
			fmt.Println()
		default:
			log.Fatalf("%s: %v", request.Name, err)
		}
	}
}

// settings says what is wrong with those of the environment.
func settings() {
	client, err := pixelzoo.FromEnv()
	var refusal *pixelzoo.Error
	switch {
	case err == nil:
		client.Close()
		fmt.Println("ok")
	case errors.As(err, &refusal):
		fmt.Println(line(refusal))
	default:
		log.Fatal(err)
	}
}

func line(refusal *pixelzoo.Error) string {
	return fmt.Sprint(code.Code(refusal.Code), " ", refusal.Reason, " ", refusal.Message)
}

// run gives the bytes of the reply that count.
func (g golden) run(ctx context.Context, client *pixelzoo.Client) ([]byte, error) {
	switch g.Method {
	case "Sample":
		request := &v1.SampleRequest{}
		g.parse(request)
		pictures, err := client.Sample(ctx, g.Model, sampling(request))
		return pixels(pictures, err)
	case "StreamSample":
		request := &v1.StreamSampleRequest{}
		g.parse(request)
		options := sampling(request.Sample)
		options.PreviewInterval = request.PreviewInterval
		stream := client.StreamSample(ctx, g.Model, options)
		defer stream.Close()
		pictures := received(stream)
		return pixels(pictures, stream.Err())
	case "Translate":
		request := &v1.TranslateRequest{}
		g.parse(request)
		pictures, err := client.Translate(ctx, g.Model, inputs(request.Images), &pixelzoo.TranslateOptions{
			Seed:         request.Seed,
			Labels:       request.Labels,
			Encoding:     request.Encoding,
			Reproducible: request.Reproducible,
			Adversarial:  request.Options.GetAdversarial(),
			Diffusion:    request.Options.GetDiffusion(),
		})
		return pixels(pictures, err)
	case "Score":
		request := &v1.ScoreRequest{}
		g.parse(request)
		made, err := client.Score(ctx, g.Model, inputs(request.Images), &pixelzoo.ScoreOptions{
			Seed:           request.Seed,
			Labels:         request.Labels,
			Reproducible:   request.Reproducible,
			Diffusion:      request.Options.GetDiffusion(),
			LatentVariable: request.Options.GetLatentVariable(),
		})
		return scores(made), err
	case "Decode": // There is no method for it, so the stub takes the model as its message.
		request := &v1.DecodeRequest{}
		g.parse(request)
		request.Model = &v1.ModelSelector{Name: g.Model}
		reply, err := client.Latent.Decode(ctx, request)
		if err != nil {
			return nil, pixelzoo.FromStatus(err)
		}
		var pictures []*pixelzoo.Picture
		for _, image := range reply.Images {
			pictures = append(pictures, pixelzoo.NewPicture(image))
		}
		return pixels(pictures, nil)
	}
	return nil, fmt.Errorf("there is no method %s", g.Method)
}

func (g golden) parse(request proto.Message) {
	if err := protojson.Unmarshal(g.Request, request); err != nil {
		log.Fatalf("%s: %v", g.Name, err)
	}
}

func sampling(request *v1.SampleRequest) *pixelzoo.SampleOptions {
	return &pixelzoo.SampleOptions{
		Count:          request.GetCount(),
		Seed:           request.Seed,
		Labels:         request.Labels,
		Encoding:       request.Encoding,
		Reproducible:   request.Reproducible,
		Diffusion:      request.Options.GetDiffusion(),
		Autoregressive: request.Options.GetAutoregressive(),
		LatentVariable: request.Options.GetLatentVariable(),
		Adversarial:    request.Options.GetAdversarial(),
	}
}

func inputs(images []*v1.Image) []pixelzoo.Input {
	var pictures []pixelzoo.Input
	for _, image := range images {
		if file := image.GetEncoded(); file != nil {
			pictures = append(pictures, pixelzoo.File(file.Data))
		} else {
			pictures = append(pictures, pixelzoo.NewPicture(image))
		}
	}
	return pictures
}

// received are the finished pictures of a stream, in order.
func received(stream *pixelzoo.Stream) []*pixelzoo.Picture {
	var pictures []*pixelzoo.Picture
	for stream.Next() {
		if picture, ok := stream.Event().(*pixelzoo.Picture); ok {
			pictures = append(pictures, picture)
		}
	}
	sort.Slice(pictures, func(i, j int) bool { return pictures[i].Index < pictures[j].Index })
	return pictures
}

func pixels(pictures []*pixelzoo.Picture, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, picture := range pictures {
		pixels, err := picture.Pixels()
		if err != nil {
			return nil, err
		}
		all = append(all, pixels...)
	}
	return all, nil
}

// scores are the values as little-endian float32, picture by picture in the order of the scores' names.
func scores(pictures []*v1.ImageScore) []byte {
	var all bytes.Buffer
	for _, picture := range pictures {
		sort.SliceStable(picture.Values, func(i, j int) bool {
			a, b := picture.Values[i], picture.Values[j]
			return a.Name < b.Name || a.Name == b.Name && a.GetEntry() < b.GetEntry()
		})
		for _, value := range picture.Values {
			binary.Write(&all, binary.LittleEndian, float32(value.Value))
		}
	}
	return all.Bytes()
}

package pixelzoo_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"pixelzoo"
	v1 "pixelzoo/v1"
)

const (
	ddpm = "ddpm_fashion_mnist"
	gan  = "conditional_gan_fashion_mnist"
)

// long is work of minutes, if nobody stops it.
var long = &pixelzoo.SampleOptions{Count: 16, Diffusion: &v1.DiffusionOptions{Steps: proto.Uint32(1000)}}

// enough is for calls that should end well before it.
func enough(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestPicturesComeBackWithPixelsAndARecipeThatMakesThemAgain(t *testing.T) {
	client := connect(t)
	const seed = 1<<53 + 1
	pictures, err := client.Sample(enough(t), ddpm, &pixelzoo.SampleOptions{
		Count: 2, Seed: pixelzoo.Seed(seed), Labels: []int32{7}, Reproducible: true,
		Diffusion: &v1.DiffusionOptions{Sampler: v1.Sampler_SAMPLER_DDIM, Steps: proto.Uint32(3)},
	})
	check(t, err)
	if pictures[0].Seed != seed || pictures[1].Seed != seed+1 {
		t.Errorf("seeds %d and %d", pictures[0].Seed, pictures[1].Seed)
	}
	again, err := client.Sample(enough(t), ddpm, &pixelzoo.SampleOptions{
		Seed: pixelzoo.Seed(seed + 1), Labels: []int32{pictures[1].Recipe.GetLabel()}, Reproducible: true,
		Diffusion: pictures[1].Recipe.Options.GetDiffusion(), Encoding: pixelzoo.Raw,
	})
	check(t, err)
	if again[0].File != nil {
		t.Error("raw pixels are no file")
	}
	wanted, same := pixels(t, pictures[1]), pixels(t, again[0])
	if len(wanted) != 28*28 || !bytes.Equal(wanted, same) {
		t.Error("the recipe made another picture")
	}
	picture, err := again[0].Image()
	check(t, err)
	if level, _, _, _ := picture.At(14, 14).RGBA(); byte(level) != same[14*28+14] {
		t.Error("Image has other pixels")
	}
}

func TestSeedZeroIsASeed(t *testing.T) {
	pictures, err := connect(t).Sample(enough(t), "dcgan_fashion_mnist", &pixelzoo.SampleOptions{Seed: pixelzoo.Seed(0)})
	check(t, err)
	if pictures[0].Seed != 0 {
		t.Errorf("the seed is %d", pictures[0].Seed)
	}
}

func TestAStreamTellsOfProgressAndBringsThePicturesOfThePlainCall(t *testing.T) {
	client := connect(t)
	options := &pixelzoo.SampleOptions{
		Count: 2, Seed: pixelzoo.Seed(5), Labels: []int32{1, 2}, Reproducible: true,
		Diffusion: &v1.DiffusionOptions{Steps: proto.Uint32(4)},
	}
	plain, err := client.Sample(enough(t), ddpm, options)
	check(t, err)
	options.PreviewInterval = 2
	stream := client.StreamSample(enough(t), ddpm, options)
	defer stream.Close()
	var last uint32
	var told, previews, pictures int
	for stream.Next() {
		switch event := stream.Event().(type) {
		case *pixelzoo.Progress:
			if event.Step < last || event.Steps != 8 {
				t.Errorf("step %d of %d after step %d", event.Step, event.Steps, last)
			}
			last = event.Step
			told++
		case *pixelzoo.Preview:
			if event.Step != 2 || event.Steps != 4 || event.Width != 28 {
				t.Errorf("a preview after %d of %d steps", event.Step, event.Steps)
			}
			previews++
		case *pixelzoo.Picture:
			if !bytes.Equal(event.File, plain[event.Index].File) {
				t.Errorf("picture %d is another one", event.Index)
			}
			pictures++
		}
	}
	check(t, stream.Err())
	if told < 2 || previews != 2 || pictures != 2 {
		t.Errorf("%d times progress, %d previews, %d pictures", told, previews, pictures)
	}
}

func TestAPictureThatCameBackIsTranslatedAndScoredAsItIs(t *testing.T) {
	client := connect(t)
	for _, encoding := range []pixelzoo.Encoding{pixelzoo.PNG, pixelzoo.Raw} {
		sneakers, err := client.Sample(enough(t), gan, &pixelzoo.SampleOptions{
			Seed: pixelzoo.Seed(1), Labels: []int32{7}, Encoding: encoding,
		})
		check(t, err)
		inputs := []pixelzoo.Input{sneakers[0]}
		options := &pixelzoo.TranslateOptions{Seed: pixelzoo.Seed(0), Encoding: encoding}
		boots, err := client.Translate(enough(t), "cyclegan_fashion_mnist", inputs, options)
		check(t, err)
		stream := client.StreamTranslate(enough(t), "cyclegan_fashion_mnist", inputs, options)
		for stream.Next() {
			if boot, ok := stream.Event().(*pixelzoo.Picture); ok && !bytes.Equal(pixels(t, boot), pixels(t, boots[0])) {
				t.Error("the stream brought another picture")
			}
		}
		check(t, stream.Err())
		stream.Close()
		scores, err := client.Score(enough(t), "pixelcnn_fashion_mnist", []pixelzoo.Input{boots[0]},
			&pixelzoo.ScoreOptions{Labels: []int32{9}})
		check(t, err)
		if value := scores[0].Values[0]; value.Unit != "bits/dim" || value.Value <= 0 {
			t.Errorf("the score is %v", value)
		}
	}
}

func TestTheModelsSayTheirClasses(t *testing.T) {
	models, err := connect(t).Models(enough(t))
	check(t, err)
	for _, model := range models {
		if model.Name == ddpm && model.Card.Classes[7] == "Sneaker" {
			return
		}
	}
	t.Errorf("no %s with a class of sneakers", ddpm)
}

func TestARefusedRequestNamesTheFieldTheRuleAndTheReason(t *testing.T) {
	client := connect(t)
	_, err := client.Sample(enough(t), ddpm, &pixelzoo.SampleOptions{
		Diffusion: &v1.DiffusionOptions{Steps: proto.Uint32(100_000)},
	})
	refusal := refused(t, err, codes.InvalidArgument, "INVALID_FIELD")
	if violation := refusal.Violations[0]; violation.Field != "options.diffusion.steps" ||
		!strings.Contains(violation.Description, "1000") {
		t.Errorf("the violation is %v", violation)
	}
	if status.Code(err) != codes.InvalidArgument || refusal.RetryDelay != 0 {
		t.Errorf("status %v, retry after %v", status.Code(err), refusal.RetryDelay)
	}
	_, err = client.Sample(enough(t), "unicorn", nil)
	if refusal := refused(t, err, codes.NotFound, "MODEL_NOT_FOUND"); refusal.Metadata["model"] != "unicorn" {
		t.Errorf("the metadata is %v", refusal.Metadata)
	}
	_, err = client.Sample(enough(t), ddpm+"@77", nil)
	refused(t, err, codes.NotFound, "VERSION_NOT_FOUND")
	_, err = client.Sample(enough(t), ddpm+"@unheard_of", nil)
	refused(t, err, codes.NotFound, "VERSION_NOT_FOUND")
	stream := client.StreamSample(enough(t), "unicorn", nil)
	defer stream.Close()
	if stream.Next() {
		t.Error("there is an event")
	}
	refused(t, stream.Err(), codes.NotFound, "MODEL_NOT_FOUND")
}

func TestADeadlineEndsTheCallAndTheWork(t *testing.T) {
	client := connect(t)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := client.Sample(ctx, ddpm, long)
	if !errors.Is(err, context.DeadlineExceeded) || status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the error is %v", err)
	}
	stream := client.StreamSample(ctx, ddpm, long)
	for stream.Next() {
	}
	if !errors.Is(stream.Err(), context.DeadlineExceeded) {
		t.Errorf("the error is %v", stream.Err())
	}
	waitForPending(t, 0)
}

func TestClosingAStreamEndsTheWork(t *testing.T) {
	stream := connect(t).StreamSample(enough(t), ddpm, long)
	for stream.Next() {
		if progress, ok := stream.Event().(*pixelzoo.Progress); ok && progress.Step > 0 {
			break
		}
	}
	check(t, stream.Err())
	stream.Close()
	waitForPending(t, 0)
}

func TestCancellingTheContextEndsTheCallAndTheWork(t *testing.T) {
	client := connect(t)
	ctx, cancel := context.WithCancel(enough(t))
	ended := make(chan error)
	go func() {
		_, err := client.Sample(ctx, ddpm, long)
		ended <- err
	}()
	waitForPending(t, 16)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	waitForPending(t, 0)
}

func TestNoServerIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	address := listener.Addr().String()
	listener.Close()
	client, err := pixelzoo.Dial(address)
	check(t, err)
	defer client.Close()
	_, err = client.Models(enough(t))
	stream := client.StreamSample(enough(t), ddpm, nil)
	defer stream.Close()
	stream.Next()
	_, ofStub := client.Catalog.GetModel(enough(t), &v1.GetModelRequest{})
	for _, err := range []error{err, stream.Err(), pixelzoo.FromStatus(ofStub)} {
		refusal := refused(t, err, codes.Unavailable, "SERVER_UNREACHABLE")
		if !strings.HasPrefix(refusal.Message, "no server answers at "+address+": start one with `pixelzoo serve`") {
			t.Errorf("the error is %v", err)
		}
	}
}

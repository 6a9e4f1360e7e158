package pixelzoo_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pixelzoo"
	v1 "pixelzoo/v1"
)

// unsent checks an error of a request that was not sent, for one of its fields.
func unsent(t *testing.T, err error, field, rule string) {
	t.Helper()
	refusal := refused(t, err, codes.InvalidArgument, "INVALID_FIELD")
	wanted := []pixelzoo.FieldViolation{{Field: field, Description: rule}}
	if !reflect.DeepEqual(refusal.Violations, wanted) || refusal.Message != field+": "+rule {
		t.Errorf("the error is %v, its violations are %v", err, refusal.Violations)
	}
}

// TestWhatNoMessageCanCarryIsNotSent has no server: what is sent would be unreachable.
func TestWhatNoMessageCanCarryIsNotSent(t *testing.T) {
	client, err := pixelzoo.Dial("127.0.0.1:1", nil)
	check(t, err)
	defer client.Close()
	ctx, shoe := enough(t), []pixelzoo.Input{pixelzoo.File("a file")}

	both := &pixelzoo.SampleOptions{Adversarial: &v1.AdversarialOptions{}, Diffusion: &v1.DiffusionOptions{}}
	rule := "must be one of diffusion, autoregressive, latent_variable, adversarial, and is diffusion and adversarial"
	_, err = client.Sample(ctx, ddpm, both)
	unsent(t, err, "options", rule)
	stream := client.StreamSample(ctx, ddpm, both)
	if stream.Next() {
		t.Error("there is an event")
	}
	unsent(t, stream.Err(), "sample.options", rule)
	stream.Close()

	more := &pixelzoo.TranslateOptions{
		Adversarial: &v1.AdversarialTranslateOptions{}, Diffusion: &v1.DiffusionTranslateOptions{},
	}
	rule = "must be one of adversarial, diffusion, and is adversarial and diffusion"
	_, err = client.Translate(ctx, ddpm, shoe, more)
	unsent(t, err, "options", rule)
	stream = client.StreamTranslate(ctx, ddpm, shoe, more)
	if stream.Next() {
		t.Error("there is an event")
	}
	unsent(t, stream.Err(), "translate.options", rule)
	stream.Close()
	_, err = client.Score(ctx, ddpm, shoe, &pixelzoo.ScoreOptions{
		Diffusion: &v1.DiffusionScoreOptions{}, LatentVariable: &v1.LatentVariableScoreOptions{},
	})
	unsent(t, err, "options", "must be one of diffusion, latent_variable, and is diffusion and latent_variable")

	_, err = client.Sample(ctx, ddpm, &pixelzoo.SampleOptions{PreviewInterval: 2})
	unsent(t, err, "preview_interval", "must be 0 but for a stream, and is 2")
	_, err = client.Translate(ctx, ddpm, shoe, &pixelzoo.TranslateOptions{PreviewInterval: 3})
	unsent(t, err, "preview_interval", "must be 0 but for a stream, and is 3")

	for _, missing := range []pixelzoo.Input{
		nil, (*pixelzoo.Picture)(nil), (*pixelzoo.Preview)(nil), &pixelzoo.Picture{}, &pixelzoo.Preview{},
		pixelzoo.NewPicture(nil),
	} {
		_, err = client.Score(ctx, ddpm, append(shoe, missing), nil)
		unsent(t, err, "images[1]", "must be a File, or a *Picture that came back, and is nil")
	}
	_, err = client.Sample(ctx, "ddpm\xff", nil)
	unsent(t, err, "model", `must be UTF-8, and is "ddpm\xff"`)
	stream = client.StreamTranslate(ctx, "ddpm\xff", shoe, nil)
	if stream.Next() {
		t.Error("there is an event")
	}
	unsent(t, stream.Err(), "translate.model", `must be UTF-8, and is "ddpm\xff"`)
}

func TestClassesHaveLabelsByTheirNames(t *testing.T) {
	client := connect(t)
	labels, err := client.Labels(enough(t), ddpm+"@2", "ankle BOOT", "T-shirt/top", "8", "-1", "2147483647")
	check(t, err)
	if !reflect.DeepEqual(labels, []int32{9, 0, 8, -1, 1<<31 - 1}) {
		t.Errorf("the labels are %v", labels)
	}
	_, err = client.Labels(enough(t), ddpm, "Bag", "boot")
	unsent(t, err, "labels", ddpm+" has no class 'boot'; it has: T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, "+
		"Shirt, Sneaker, Bag, Ankle boot")
	_, err = client.Labels(enough(t), "srgan_photos", "2147483648")
	unsent(t, err, "labels", "srgan_photos has no class '2147483648'; it has: none")
	_, err = client.Labels(enough(t), "unicorn", "Bag")
	refused(t, err, codes.NotFound, "MODEL_NOT_FOUND")
	_, err = client.Labels(enough(t), "unicorn\xff", "Bag")
	unsent(t, err, "model", `must be UTF-8, and is "unicorn\xff"`)
}

func TestACardIsFetchedOnceAndOnlyForNames(t *testing.T) {
	card := &v1.ModelCard{ContractVersion: 1, Classes: []string{"Cat", "Dog"}}
	catalog := &refusing{model: &v1.Model{Name: "pets", Card: card}}
	client := clientOf(t, catalog)
	for i := 0; i < 3; i++ {
		labels, err := client.Labels(enough(t), "pets@4", "dog", "cat")
		check(t, err)
		if !reflect.DeepEqual(labels, []int32{1, 0}) || catalog.calls != 1 {
			t.Errorf("the labels are %v after %d calls", labels, catalog.calls)
		}
	}
	_, err := client.Labels(enough(t), "other", "3")
	check(t, err)
	_, err = client.Labels(enough(t), "pets", "cat")
	check(t, err)
	if catalog.calls != 2 {
		t.Errorf("%d calls", catalog.calls)
	}
}

func TestWhyAModelIsNotThereTheServerSays(t *testing.T) {
	failed, err := status.New(codes.FailedPrecondition, "its folder is damaged").WithDetails(
		&errdetails.ErrorInfo{Reason: "MODEL_FAILED", Domain: "pixelzoo"})
	check(t, err)
	catalog, sampling := &refusing{model: &v1.Model{Name: "pets"}}, &breaking{sample: failed.Err()}
	client := clientOf(t, catalog, sampling)
	_, err = client.Labels(enough(t), "pets", "cat")
	refused(t, err, codes.FailedPrecondition, "MODEL_FAILED")
	catalog.model = &v1.Model{Name: "pets", Card: &v1.ModelCard{ContractVersion: 1, Classes: []string{"Cat"}}}
	_, err = client.Labels(enough(t), "pets", "cat")
	check(t, err)
}

func TestNoMessageIsAPictureWithoutPixels(t *testing.T) {
	empty := pixelzoo.NewPicture(nil)
	if _, err := empty.Pixels(); err == nil || empty.Width != 0 {
		t.Errorf("%d pixels wide: %v", empty.Width, err)
	}
}

func TestNothingWrongWithAStubIsNoError(t *testing.T) {
	if err := pixelzoo.FromStatus(nil); err != nil {
		t.Errorf("the error is %v", err)
	}
	if err := pixelzoo.FromStatus(context.Canceled); !strings.Contains(err.Error(), "canceled") {
		t.Errorf("the error is %v", err)
	}
}

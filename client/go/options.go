package pixelzoo

import v1 "pixelzoo/v1"

// Encoding says how pictures come back.
type Encoding = v1.ImageEncoding

// The encodings. JPEG changes pixels.
const (
	PNG  Encoding = v1.ImageEncoding_IMAGE_ENCODING_PNG
	JPEG Encoding = v1.ImageEncoding_IMAGE_ENCODING_JPEG
	Raw  Encoding = v1.ImageEncoding_IMAGE_ENCODING_RAW
)

// Seed is the seed of the first picture, 0 to 2^63 - 1; picture i has seed + i. Equal seeds make equal pictures.
func Seed(seed uint64) *uint64 { return &seed }

// SampleOptions say what to draw; nil takes every default. At most one of the pointers to a family's options is set,
// that of the model's family: their comments have ranges, and the model's card its own ranges and defaults. More than
// one is refused, INVALID_FIELD.
type SampleOptions struct {
	// Count is how many pictures to draw; 0, which Go cannot tell from a count that is not set, takes the default, 1.
	Count uint32
	// Seed is drawn by the server if it is nil.
	Seed *uint64
	// Labels are the classes of the pictures: none, one for all, or one for each. -1 stands for no class. Client.Labels
	// makes them from names.
	Labels   []int32
	Encoding Encoding
	// Reproducible gives the same bytes whatever else the server does, at the price of a full batch.
	Reproducible bool
	// PreviewInterval asks StreamSample for a preview of every picture each time it has done so many steps; 0 for none.
	// Sample, which brings none, refuses it.
	PreviewInterval uint32

	Diffusion      *v1.DiffusionOptions      // ddpm
	Autoregressive *v1.AutoregressiveOptions // pixelcnn, vqvae
	LatentVariable *v1.LatentVariableOptions // vae
	Adversarial    *v1.AdversarialOptions    // dcgan, conditional_gan, acgan
}

// TranslateOptions say how to translate; nil takes every default. At most one family's options are set.
type TranslateOptions struct {
	// Seed is drawn by the server if it is nil.
	Seed *uint64
	// Labels are as in SampleOptions.
	Labels   []int32
	Encoding Encoding
	// Reproducible is as in SampleOptions.
	Reproducible bool
	// PreviewInterval is for StreamTranslate, as in SampleOptions.
	PreviewInterval uint32

	Adversarial *v1.AdversarialTranslateOptions // cyclegan, srgan
	Diffusion   *v1.DiffusionTranslateOptions   // ddpm
}

// ScoreOptions say how to score; nil takes every default. At most one family's options are set.
type ScoreOptions struct {
	// Seed is for scores that are random estimates; 0 if it is nil.
	Seed *uint64
	// Labels are as in SampleOptions.
	Labels []int32
	// Reproducible is as in SampleOptions.
	Reproducible bool

	Diffusion      *v1.DiffusionScoreOptions      // ddpm
	LatentVariable *v1.LatentVariableScoreOptions // vae
}

package pixelzoo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // image.Decode reads what the server may send.
	_ "image/png"

	v1 "pixelzoo/v1"
)

// Picture is a picture that came back.
type Picture struct {
	Width, Height int
	// Channels is 1 for grey and 3 for RGB.
	Channels int
	// Index says which item of the request this is.
	Index int
	// Seed is the item's own.
	Seed uint64
	// File is the image file as the server wrote it, PNG unless the call asked for JPEG; nil for raw pixels.
	File []byte
	// Recipe has all that is needed to make a sample again; nil for translations.
	Recipe *v1.Recipe
	// TranslationRecipe has all that is needed to make a translation again; nil for samples.
	TranslationRecipe *v1.TranslationRecipe

	image *v1.Image
}

// Preview is an unfinished picture: its first Step of Steps steps are done.
type Preview struct {
	*Picture
	Step, Steps int
}

// Input is a picture to send: a File, or a *Picture or *Preview that came back.
type Input interface {
	message() *v1.Image
}

// File is a PNG or JPEG file.
type File []byte

func (f File) message() *v1.Image {
	return &v1.Image{Payload: &v1.Image_Encoded{Encoded: &v1.EncodedImage{Data: f}}}
}

func (p *Picture) message() *v1.Image {
	if p == nil {
		return nil
	}
	return p.image
}

func (p *Preview) message() *v1.Image {
	if p == nil {
		return nil
	}
	return p.Picture.message()
}

// NewPicture is the picture in a message, for callers of the stubs. Of nil it is an empty one, which has no pixels.
func NewPicture(message *v1.Image) *Picture {
	return &Picture{
		Width:    int(message.GetWidth()),
		Height:   int(message.GetHeight()),
		Channels: int(message.GetChannels()),
		File:     message.GetEncoded().GetData(),
		image:    message,
	}
}

func generated(item *v1.GeneratedImage) *Picture {
	picture := NewPicture(item.Image)
	picture.Index, picture.Seed, picture.Recipe = int(item.Index), item.Recipe.GetSeed(), item.Recipe
	return picture
}

func translated(item *v1.TranslatedImage) *Picture {
	picture := NewPicture(item.Image)
	picture.Index, picture.Seed, picture.TranslationRecipe = int(item.Index), item.Recipe.GetSeed(), item.Recipe
	return picture
}

func preview(item *v1.Preview) *Preview {
	picture := NewPicture(item.Image)
	picture.Index = int(item.Index)
	return &Preview{Picture: picture, Step: int(item.Step), Steps: int(item.Steps)}
}

// Pixels are 0 (black) to 255 (white), row by row, the channels of a pixel side by side.
func (p *Picture) Pixels() ([]byte, error) {
	if raw := p.image.GetRaw(); raw != nil {
		return raw.Data, nil
	}
	decoded, _, err := image.Decode(bytes.NewReader(p.File))
	if err != nil {
		return nil, fmt.Errorf("pixelzoo: %w", err)
	}
	pixels := make([]byte, 0, p.Width*p.Height*p.Channels)
	for y := decoded.Bounds().Min.Y; y < decoded.Bounds().Max.Y; y++ {
		for x := decoded.Bounds().Min.X; x < decoded.Bounds().Max.X; x++ {
			rgb := color.NRGBAModel.Convert(decoded.At(x, y)).(color.NRGBA)
			pixels = append(pixels, []byte{rgb.R, rgb.G, rgb.B}[:p.Channels]...)
		}
	}
	return pixels, nil
}

// Image is the picture for Go's image packages.
func (p *Picture) Image() (image.Image, error) {
	pixels, err := p.Pixels()
	if err != nil {
		return nil, err
	}
	area := image.Rect(0, 0, p.Width, p.Height)
	if p.Channels == 1 {
		return &image.Gray{Pix: pixels, Stride: p.Width, Rect: area}, nil
	}
	colored := image.NewNRGBA(area)
	for from, to := 0, 0; from < len(pixels); from, to = from+3, to+4 {
		copy(colored.Pix[to:], pixels[from:from+3])
		colored.Pix[to+3] = 255
	}
	return colored, nil
}
